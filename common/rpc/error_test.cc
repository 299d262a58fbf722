#include "common/rpc/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kHeading[] = "| reason | code | HTTP | meaning |";

// The rows of the table of reasons in the reference.
std::vector<std::string> DocumentedRows() {
  std::ifstream file("docs/reference/api.md");
  std::vector<std::string> rows;
  bool in_table = false;
  for (std::string line; std::getline(file, line);) {
    if (in_table && !absl::StartsWith(line, "|")) break;
    if (in_table && !absl::StartsWith(line, "|---")) rows.push_back(line);
    in_table = in_table || line == kHeading;
  }
  return rows;
}

TEST(ReasonTest, ReferenceHasTheSameTable) {
  std::vector<std::string> expected;
  for (const ReasonInfo& row : AllReasons()) {
    expected.push_back(absl::StrCat("| `", row.name, "` | `", absl::StatusCodeToString(row.code),
                                    "` | ", row.http_status, " | ", row.description, " |"));
  }
  EXPECT_EQ(DocumentedRows(), expected);
}

TEST(ReasonTest, NamesAreUniqueConstants) {
  std::set<absl::string_view> names;
  for (const ReasonInfo& row : AllReasons()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (const char c : row.name) EXPECT_TRUE(absl::ascii_isupper(c) || c == '_') << row.name;
    EXPECT_TRUE(absl::EndsWith(row.description, ".")) << row.name;
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
  }
}

TEST(ReasonTest, EveryCodeHasAReasonOfItsName) {
  for (int code = 1; code <= 16; ++code) {
    const Reason reason = GenericReason(static_cast<absl::StatusCode>(code));
    EXPECT_EQ(InfoOf(reason).name, absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
  }
}

TEST(ReasonTest, LimitsOnWhatIsInProgressAndOutagesSayWhenToTryAgain) {
  for (const ReasonInfo& row : AllReasons()) {
    const bool passes = row.http_status == 429 || row.code == absl::StatusCode::kUnavailable;
    const bool specific = row.reason != GenericReason(row.code);
    EXPECT_EQ(row.retry_seconds > 0, passes && specific) << row.name;
    const auto delay = RetryDelayOf(MakeError(row.reason, "x"));
    EXPECT_EQ(delay.value_or(absl::ZeroDuration()), absl::Seconds(row.retry_seconds)) << row.name;
  }
}

TEST(ErrorTest, TellsReasonAndWhatItIsAbout) {
  const absl::Status error =
      MakeError(Reason::kServiceFrozen, "nginx is frozen", {{"service", "nginx"}});
  EXPECT_EQ(error.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(error.message(), "nginx is frozen");
  EXPECT_TRUE(HasReason(error, Reason::kServiceFrozen));
  EXPECT_EQ(ReasonName(error), "SERVICE_FROZEN");
  EXPECT_THAT(MetadataOf(error), ElementsAre(Pair("service", "nginx")));
}

TEST(ErrorTest, WithoutReasonHasTheGenericOne) {
  EXPECT_EQ(ReasonOf(absl::AbortedError("x")), Reason::kAborted);
  EXPECT_THAT(MetadataOf(absl::AbortedError("x")), IsEmpty());
  EXPECT_FALSE(HasReason(absl::OkStatus(), Reason::kUnknown));
  EXPECT_EQ(ReasonName(absl::OkStatus()), "");
}

TEST(ErrorTest, ReasonOfALaterVersionOrAnotherDomainIsToldByItsCode) {
  for (const auto& [reason, domain] :
       {std::pair{"INVENTED_LATER", "gitops"}, {"HOST_LOCKED", "example.com"}}) {
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    info.set_domain(domain);
    absl::Status error = absl::NotFoundError("x");
    SetDetail(info, error);
    EXPECT_EQ(ReasonOf(error), Reason::kNotFound);
    EXPECT_EQ(ReasonName(error), reason);
  }
}

TEST(ErrorTest, InvalidFieldsAreNamed) {
  absl::Status error = InvalidField("rollout.batch", "rollout.batch: \"x\" is not a number");
  AddFieldViolation("actions[2]", "unknown action", error);
  EXPECT_EQ(error.code(), absl::StatusCode::kInvalidArgument);
  const google::rpc::BadRequest bad = BadRequestOf(error);
  ASSERT_EQ(bad.field_violations_size(), 2);
  EXPECT_EQ(bad.field_violations(0).field(), "rollout.batch");
  EXPECT_EQ(bad.field_violations(0).description(), error.message());
  EXPECT_EQ(bad.field_violations(1).field(), "actions[2]");
}

TEST(ErrorTest, AnotherMessageKeepsEverythingElse) {
  const absl::Status error = MakeError(Reason::kServerStarting, "starting");
  const absl::Status longer = WithMessage(error, "web1: starting");
  EXPECT_EQ(longer.message(), "web1: starting");
  EXPECT_EQ(longer.code(), error.code());
  EXPECT_TRUE(HasReason(longer, Reason::kServerStarting));
  EXPECT_EQ(RetryDelayOf(longer), absl::Seconds(1));
  EXPECT_EQ(RetryDelayOf(absl::UnavailableError("x")), std::nullopt);
}

TEST(ErrorTest, MetadataIsAddedToWhatIsThere) {
  const absl::Status error =
      WithMetadata(MakeError(Reason::kServiceUnknown, "x", {{"service", "nginx"}}),
                   {{"service", "another"}, {"host", "web1"}});
  EXPECT_TRUE(HasReason(error, Reason::kServiceUnknown));
  EXPECT_THAT(MetadataOf(error), ElementsAre(Pair("host", "web1"), Pair("service", "nginx")));
}

TEST(ErrorTest, WhatStrangersWroteIsCutAndValid) {
  const absl::Status error =
      MakeError(Reason::kHostUnknown, "x", {{"host", std::string(10'000, '\xFF')}});
  const std::string value = MetadataOf(error)["host"];
  EXPECT_LE(value.size(), 256u);
  EXPECT_TRUE(IsValidUtf8(value));
  EXPECT_FALSE(value.empty());
}

}  // namespace
}  // namespace gitops
