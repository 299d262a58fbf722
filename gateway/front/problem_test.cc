#include "gateway/front/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/rpc/error.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::Pair;

TEST(ProblemTest, HasTheStatusReasonAndMetadataOfTheError) {
  const HttpServerResponse response =
      ProblemOf(MakeError(Reason::kHostUnknown, "no host web9", {{"host", "web9"}}));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const Json problem = Json::parse(response.body);
  EXPECT_EQ(problem["type"], "about:blank");
  EXPECT_EQ(problem["title"], "Not Found");
  EXPECT_EQ(problem["status"], 404);
  EXPECT_EQ(problem["detail"], "no host web9");
  EXPECT_EQ(problem["reason"], "HOST_UNKNOWN");
  EXPECT_EQ(problem["metadata"]["host"], "web9");
  EXPECT_TRUE(problem["violations"].empty());
}

TEST(ProblemTest, AnErrorWithoutReasonHasTheGenericOneOfItsCode) {
  const Json problem = Json::parse(ProblemOf(absl::AbortedError("x")).body);
  EXPECT_EQ(problem["reason"], "ABORTED");
  EXPECT_EQ(problem["status"], 409);
}

TEST(ProblemTest, FieldsOfViolationsAreSpelledAsInJson) {
  absl::Status error = InvalidField("selection.order_by_tags[2]", "too long");
  AddFieldViolation("event.metadata[\"some_key\"].a_b", "bad", error);
  const Json violations = Json::parse(ProblemOf(error).body)["violations"];
  ASSERT_EQ(violations.size(), 2);
  EXPECT_EQ(violations[0]["field"], "selection.orderByTags[2]");
  EXPECT_EQ(violations[0]["description"], "too long");
  EXPECT_EQ(violations[1]["field"], "event.metadata[\"some_key\"].aB");
}

TEST(ProblemTest, ARetryDelayBecomesRetryAfterInWholeSeconds) {
  absl::Status error = MakeError(Reason::kRateLimited, "slow down");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(1);
  SetDetail(retry, error);
  EXPECT_THAT(ProblemOf(error).headers, Contains(Pair("Retry-After", "1")));
  retry.mutable_retry_delay()->set_seconds(2);
  SetDetail(retry, error);
  EXPECT_THAT(ProblemOf(error).headers, Contains(Pair("Retry-After", "3")));
}

TEST(ProblemTest, AMessageThatIsNotUtf8IsStillJson) {
  EXPECT_FALSE(
      Json::parse(ProblemOf(absl::UnknownError("\xff")).body, nullptr, false).is_discarded());
}

TEST(ProblemTest, RefusalsOfTheServerHaveTheSameForm) {
  for (const auto& [status, reason] : {std::pair(404, "NOT_FOUND"),
                                       {405, "UNIMPLEMENTED"},
                                       {413, "RESOURCE_EXHAUSTED"},
                                       {400, "INVALID_ARGUMENT"}}) {
    const HttpServerResponse response = ProblemFor(status, "why");
    EXPECT_EQ(response.status, status);
    const Json problem = Json::parse(response.body);
    EXPECT_EQ(problem["status"], status);
    EXPECT_EQ(problem["reason"], reason);
    EXPECT_EQ(problem["detail"], "why");
  }
}

}  // namespace
}  // namespace gitops
