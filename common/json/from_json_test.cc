#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/json/json.h"
#include "common/rpc/error.h"
#include "gitops/testing/v1/everything.pb.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::SizeIs;

// Why it is refused; empty: it is read.
template <typename Message>
std::string Refusal(absl::string_view text, const JsonLimits& limits = {}) {
  Message message;
  const absl::Status status = FromJson(text, &message, limits);
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(message.ByteSizeLong(), 0) << "something was left of " << text;
  return std::string(status.message());
}

std::string ListRefusal(absl::string_view text) { return Refusal<v1::ListHostsRequest>(text); }
std::string PlanRefusal(absl::string_view text) { return Refusal<v1::CreatePlanRequest>(text); }
std::string Refused(absl::string_view text) { return Refusal<testing::v1::Everything>(text); }

TEST(FromJson, NamesMayBeSpelledInBothWays) {
  v1::ListHostsRequest request;
  ASSERT_TRUE(FromJson(R"({"page_size": 3, "selection": {"orderByTags": ["a"]}})", &request).ok());
  EXPECT_EQ(request.page_size(), 3);
  EXPECT_THAT(request.selection().order_by_tags(), ElementsAre("a"));
  EXPECT_THAT(ListRefusal(R"({"pageSize": 3, "page_size": 3})"),
              HasSubstr("page_size is given twice"));
}

TEST(FromJson, EnumValuesMayBeShortWholeOrNumbers) {
  for (const char* value : {"\"ROLLBACK\"", "\"ON_FAILURE_ROLLBACK\"", "3"}) {
    v1::CreatePlanRequest request;
    const absl::Status status =
        FromJson(absl::StrCat(R"({"spec": {"rollout": {"onFailure": )", value, "}}}"), &request);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(request.spec().rollout().on_failure(), v1::Rollout::ON_FAILURE_ROLLBACK);
  }
  EXPECT_EQ(PlanRefusal(R"({"spec": {"rollout": {"onFailure": "ROLBACK"}}})"),
            "spec.rollout.onFailure \"ROLBACK\" is not a value of OnFailure (did you mean "
            "\"ROLLBACK\"?)");
}

TEST(FromJson, ARefusalNamesItsFieldAsABadRequestDoes) {
  const auto field_of = [](absl::string_view text) {
    v1::CreatePlanRequest request;
    const auto bad = BadRequestOf(FromJson(text, &request));
    return bad.field_violations().empty() ? "" : bad.field_violations(0).field();
  };
  EXPECT_EQ(field_of(R"({"spec": {"actions": ["sync", 7]}})"), "spec.actions[1]");
  EXPECT_EQ(field_of(R"({"spec": {"rollout": {"onFailure": "ROLBACK"}}})"),
            "spec.rollout.onFailure");
  EXPECT_EQ(field_of(R"({"spec": {"colour": "red"}})"), "spec.colour");
  EXPECT_EQ(field_of("[]"), "") << "no field is wrong";
}

TEST(FromJson, NullMeansNotSet) {
  testing::v1::Everything everything;
  const absl::Status status = FromJson(
      R"({"filter": null, "first": null, "second": {"name": "x"}, "parts": null, "content": null,
          "ratio": null, "limit": null, "inner": null, "list": null, "colour": null})",
      &everything);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_FALSE(everything.has_filter());
  EXPECT_FALSE(everything.has_limit());
  EXPECT_FALSE(everything.has_inner());
  EXPECT_FALSE(everything.has_colour());
  EXPECT_EQ(everything.second().name(), "x");
}

TEST(FromJson, AnEmptyTextIsRefusedWhereItMustNotBeMistakenForNone) {
  EXPECT_EQ(Refused(R"({"inner": {"filter": ""}})"),
            "inner.filter is empty; give a value, or leave it out");
  EXPECT_EQ(Refused(R"({"inner": {"filter": "x", "limit": 0}})"), "");
  // It is plainly none where the field has no `optional`.
  EXPECT_EQ(ListRefusal(R"({"pageToken": ""})"), "");
}

TEST(FromJson, AnUnknownFieldIsNamedWithTheNearest) {
  EXPECT_EQ(ListRefusal(R"({"selection": {"taged": ["a"]}})"),
            "selection.taged is not a field of Selection (did you mean \"tagged\"?)");
  EXPECT_EQ(ListRefusal(R"({"zzz": null})"), "zzz is not a field of ListHostsRequest");
  EXPECT_EQ(Refused(R"({"list": [{"name": "a"}, {"nam": "b"}]})"),
            "list[1].nam is not a field of Part (did you mean \"name\"?)");
}

TEST(FromJson, ALongNameIsShownInPart) {
  const std::string name(100'000, 'x');
  EXPECT_THAT(ListRefusal(absl::StrCat("{\"", name, "\": 1}")), SizeIs(Lt(300)));
  EXPECT_THAT(ListRefusal(absl::StrCat("{\"", name, "\": 1, \"", name, "\": 1}")), SizeIs(Lt(300)));
  EXPECT_THAT(PlanRefusal(absl::StrCat(R"({"spec": {"rollout": {"onFailure": ")", name, "\"}}}")),
              SizeIs(Lt(300)));
}

TEST(FromJson, AValueThatDoesNotFitIsNamed) {
  EXPECT_EQ(ListRefusal(R"({"selection": {"on": "a"}})"), "selection.on is not an array");
  EXPECT_EQ(ListRefusal(R"({"selection": {"on": ["a", 3]}})"), "selection.on[1] is not a string");
  EXPECT_EQ(ListRefusal(R"({"selection": {"on": [null]}})"), "selection.on[0] is not a string");
  EXPECT_EQ(ListRefusal(R"({"selection": {"all": "true"}})"), "selection.all is not true or false");
  EXPECT_EQ(ListRefusal(R"({"selection": []})"), "selection is not an object");
  for (const char* number : {"1.5", "\"x\"", "\"\"", "2147483648", "1e300", "true", "[]"}) {
    EXPECT_EQ(ListRefusal(absl::StrCat(R"({"pageSize": )", number, "}")),
              "pageSize is not a 32-bit integer")
        << number;
  }
  EXPECT_EQ(PlanRefusal(R"({"spec": {"healthTimeout": "5"}})"),
            "spec.healthTimeout is not a number of seconds like \"1.5s\"");
  EXPECT_EQ(PlanRefusal(R"({"spec": {"healthTimeout": 5}})"),
            "spec.healthTimeout is not a number of seconds like \"1.5s\"");
  EXPECT_EQ(Refusal<v1::Service>(R"({"changeTime": "yesterday"})"),
            "changeTime is not a time like \"2026-11-22T22:15:30Z\"");
  EXPECT_EQ(Refused(R"({"content": "%"})"), "content is not a string of base64");
  EXPECT_EQ(Refused(R"({"count": -1})"), "count is not a 32-bit integer of 0 or more");
  EXPECT_EQ(Refused(R"({"colours": {"x": "RED"}})"), "colours[\"x\"] is not a 32-bit integer");
  EXPECT_EQ(Refused(R"({"list": [null]})"), "list[0] is not an object");
}

TEST(FromJson, ReadsNumbersAsProtobufDoes) {
  for (const char* number : {"7", "\"7\"", "7.0", "0.7e1"}) {
    v1::ListHostsRequest request;
    ASSERT_TRUE(FromJson(absl::StrCat(R"({"pageSize": )", number, "}"), &request).ok()) << number;
    EXPECT_EQ(request.page_size(), 7);
  }
}

TEST(FromJson, ReadsMapsAndBytes) {
  testing::v1::Everything everything;
  const absl::Status status = FromJson(
      R"({"parts": {"a": {"name": "x"}}, "colours": {"-3": "GREEN"}, "contents": ["-_8=", "+/8"]})",
      &everything);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(everything.parts().at("a").name(), "x");
  EXPECT_EQ(everything.colours().at(-3), testing::v1::COLOUR_GREEN);
  EXPECT_THAT(everything.contents(), ElementsAre("\xfb\xff", "\xfb\xff"));
  const auto printed = ToJson(everything);
  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_EQ((*printed)["parts"].dump(), R"({"a":{"name":"x"}})");
  EXPECT_EQ((*printed)["colours"].dump(), R"({"-3":"GREEN"})");
}

TEST(FromJson, TwoMembersOfAOneofAreRefused) {
  EXPECT_EQ(Refused(R"({"first": "a", "second": {}})"),
            "second cannot be set together with another of \"choice\"");
}

TEST(FromJson, AMemberThatStandsTwiceIsRefused) {
  EXPECT_THAT(ListRefusal(R"({"selection": {"on": ["a"], "on": []}})"),
              HasSubstr("the member \"on\" is repeated"));
  // The same name in several objects is none.
  EXPECT_EQ(Refused(R"({"list": [{"name": "a"}, {"name": "b"}]})"), "");
}

TEST(FromJson, WhatIsNoJsonObjectIsRefused) {
  EXPECT_THAT(ListRefusal(""), HasSubstr("malformed at byte"));
  EXPECT_THAT(ListRefusal(R"({"pageSize": 3,})"), HasSubstr("malformed at byte 16"));
  EXPECT_THAT(ListRefusal("{} {}"), HasSubstr("malformed at byte"));
  EXPECT_THAT(ListRefusal("{\"pageToken\": \"\xff\"}"), HasSubstr("malformed at byte"));
  EXPECT_THAT(ListRefusal("\xef\xbb\xbf{}"), HasSubstr("byte-order mark"));
  EXPECT_THAT(ListRefusal(R"({"pageSize": 1e999})"), HasSubstr("too large"));
  for (const char* text : {"null", "[]", "\"\"", "3"}) {
    EXPECT_THAT(ListRefusal(text), HasSubstr("not an object")) << text;
  }
}

TEST(FromJson, LimitsHold) {
  const std::string text = R"({"inner": {"inner": {"list": []}}})";
  EXPECT_EQ((Refusal<testing::v1::Everything>(text, {.bytes = text.size(), .depth = 4})), "");
  EXPECT_THAT((Refusal<testing::v1::Everything>(text, {.bytes = text.size() - 1})),
              HasSubstr(absl::StrCat("has ", text.size(), " bytes; at most ", text.size() - 1)));
  EXPECT_THAT((Refusal<testing::v1::Everything>(text, {.depth = 3})), HasSubstr("deeper than 3"));
  // Neither the stack nor memory follows the depth.
  EXPECT_THAT(ListRefusal(std::string(1 << 20, '[')), HasSubstr("deeper than 32"));
  std::string deep;
  for (int i = 0; i < 50'000; ++i) deep += R"({"inner":)";
  EXPECT_THAT(Refused(deep), HasSubstr("deeper than 32"));
}

}  // namespace
}  // namespace gitops
