#include "common/plan/hook_payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/json/json_guard.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kDeploy[] = "pre-deploy";
constexpr char kSelect[] = "pre-select";

std::string Refusal(absl::string_view point, absl::string_view text) {
  const auto payload = DecodePayload(point, text);
  EXPECT_EQ(payload.status().code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 200);
  return std::string(payload.status().message());
}

TEST(PayloadTest, OneHostIsAnObjectAndASelectionAList) {
  EXPECT_EQ(EncodePayload(kDeploy, {{"web1", {"push", "reboot"}}}),
            R"({"host":"web1","actions":["push","reboot"]})");
  EXPECT_EQ(EncodePayload(kSelect, {{"web1", {"push"}}, {"web2", {}}}),
            R"([{"host":"web1","actions":["push"]},{"host":"web2","actions":[]}])");
  EXPECT_EQ(EncodePayload(kSelect, {{"web1", {}}}), R"([{"host":"web1","actions":[]}])");
  EXPECT_EQ(EncodePayload("post-select", {}), "[]");
}

TEST(PayloadTest, WhatIsSentIsReadBack) {
  const Payload hosts = {{"web1", {"push", "push", "switch"}}, {"w\"\\\xc3\xa4\n", {}}};
  EXPECT_EQ(*DecodePayload(kSelect, EncodePayload(kSelect, hosts)), hosts);
  const Payload one = {{"web1", {}}};
  EXPECT_EQ(*DecodePayload(kDeploy, EncodePayload(kDeploy, one)), one);
}

TEST(PayloadTest, HostThatIsNotUtf8IsSentAsUtf8) {
  EXPECT_EQ(EncodePayload(kDeploy, {{"w\xff", {}}}), "{\"host\":\"w\xef\xbf\xbd\",\"actions\":[]}");
}

TEST(PayloadTest, AnswersOfTheSameFormAreTaken) {
  EXPECT_THAT(*DecodePayload(kSelect, " [ ] \n"), IsEmpty());
  EXPECT_THAT(*DecodePayload(kDeploy, R"({"actions": [], "host": "web1"})"),
              ElementsAre(HostActions{"web1", {}}));
  // Members of others are none of our business.
  EXPECT_THAT(*DecodePayload(kDeploy, R"({"host":"a","actions":["x"],"note":{"n":[1,null,2.5]}})"),
              ElementsAre(HostActions{"a", {"x"}}));
  EXPECT_THAT(*DecodePayload(kDeploy, R"({"host":"\u0061","actions":["\u00e4"]})"),
              ElementsAre(HostActions{"a", {"\xc3\xa4"}}));
}

TEST(PayloadTest, OtherFormsAreRefusedWithWhatIsWrong) {
  const struct {
    const char *point, *text, *why;
  } cases[] = {
      {kDeploy, "", "not JSON: error at byte 1"},
      {kDeploy, "<html>", "not JSON: error at byte 1"},
      {kDeploy, R"({"host":"a","actions":[]} x)", "not JSON"},
      {kDeploy, R"({"host":"a","actions":[]}{})", "not JSON"},
      {kDeploy, R"({"host":"a","actions":["push",]})", "not JSON"},
      {kDeploy, R"({'host':'a','actions':[]})", "not JSON"},
      {kDeploy, R"({"host":"a","actions":[])", "not JSON"},
      {kDeploy, "null", "JSON null, not an object"},
      {kDeploy, "\"web1\"", "JSON string, not an object"},
      {kDeploy, R"([{"host":"a","actions":[]}])", "JSON array, not an object"},
      {kDeploy, "{}", "no string \"host\""},
      {kDeploy, R"({"host":1,"actions":[]})", "no string \"host\""},
      {kDeploy, R"({"Host":"a","actions":[]})", "no string \"host\""},
      {kDeploy, R"({"host":"a"})", "no array \"actions\""},
      {kDeploy, R"({"host":"a","actions":null})", "no array \"actions\""},
      {kDeploy, R"({"host":"a","actions":"push"})", "no array \"actions\""},
      {kDeploy, R"({"host":"a","actions":{"0":"push"}})", "no array \"actions\""},
      {kDeploy, R"({"host":"a","actions":[1]})", "has a JSON number"},
      {kDeploy, R"({"host":"a","actions":[["push"]]})", "has a JSON array"},
      {kSelect, R"({"host":"a","actions":[]})", "at pre-select expected a list"},
      {kSelect, R"([{"host":"a","actions":[]},7])", "element 2: it is a JSON number"},
      {kSelect, R"([{"host":"a"}])", "element 1: it has no array"},
      {kSelect, R"([[]])", "element 1: it is a JSON array"},
  };
  for (const auto& c : cases) EXPECT_THAT(Refusal(c.point, c.text), HasSubstr(c.why)) << c.text;
}

TEST(PayloadTest, KeyThatStandsTwiceIsRefused) {
  EXPECT_THAT(Refusal(kDeploy, R"({"host":"a","actions":[],"host":"b"})"),
              HasSubstr("\"host\" is repeated"));
  EXPECT_THAT(Refusal(kDeploy, R"({"host":"a","actions":[],"x":{"k":1,"\u006b":2}})"),
              HasSubstr("\"k\" is repeated"));
  // In objects of their own they may.
  EXPECT_TRUE(CheckJson(R"([{"a":1,"b":{"a":2}},{"a":3}])").ok());
}

TEST(PayloadTest, DeepNestingIsRefusedHoweverDeep) {
  const auto nested = [](int depth) {
    return absl::StrCat(R"({"host":"a","actions":[],"x":)", std::string(depth, '['),
                        std::string(depth, ']'), "}");
  };
  EXPECT_TRUE(DecodePayload(kDeploy, nested(31)).ok());
  EXPECT_THAT(Refusal(kDeploy, nested(32)), HasSubstr("nested deeper than 32"));
  EXPECT_THAT(Refusal(kDeploy, std::string(1 << 20, '[')), HasSubstr("nested deeper than 32"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"x":)";
  EXPECT_THAT(Refusal(kSelect, objects), HasSubstr("nested deeper than 32"));
}

TEST(PayloadTest, HugeNumbersAndNoNumbersAreRefused) {
  const auto with = [](absl::string_view number) {
    return absl::StrCat(R"({"host":"a","actions":[],"n":)", number, "}");
  };
  EXPECT_THAT(Refusal(kDeploy, with("1e999")), HasSubstr("a number is too large"));
  EXPECT_THAT(Refusal(kDeploy, with("-1e999")), HasSubstr("a number is too large"));
  EXPECT_THAT(Refusal(kDeploy, with(std::string(5000, '9'))), HasSubstr("a number is too large"));
  for (const char* word : {"NaN", "Infinity", "-Infinity", "0x10", "01", "+1", "1.", ".5"}) {
    EXPECT_THAT(Refusal(kDeploy, with(word)), HasSubstr("not JSON")) << word;
  }
  EXPECT_TRUE(DecodePayload(kDeploy, with("123456789012345678901234567890")).ok());
}

TEST(PayloadTest, InvalidUtf8IsRefused) {
  for (const std::string& bytes :
       {std::string("\xff"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80"),
        std::string("\xe2\x82"), std::string("\xf5\x80\x80\x80")}) {
    EXPECT_THAT(Refusal(kDeploy, absl::StrCat(R"({"host":")", bytes, R"(","actions":[]})")),
                HasSubstr("it is not UTF-8"));
  }
  EXPECT_THAT(Refusal(kDeploy, R"({"host":"\ud800","actions":[]})"), HasSubstr("not JSON"));
  EXPECT_THAT(Refusal(kDeploy, "{\"host\":\"a\nb\",\"actions\":[]}"), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace gitops
