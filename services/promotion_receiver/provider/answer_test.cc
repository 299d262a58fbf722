#include "services/promotion_receiver/provider/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "common/rpc/error.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Attempt TestAttempt() { return {.what = "listing", .now = kNow, .secrets = {Secret("the-token")}}; }

absl::Status StatusOf(int status, std::map<std::string, std::string> headers,
                      const std::string& body = "") {
  return StatusOfAnswer(TestAttempt(),
                        {.status = status, .headers = std::move(headers), .body = body});
}

TEST(AnswerTest, EachStatusHasTheCodeThatSaysWhetherARetryHelps) {
  for (const auto& [status, code] : std::vector<std::pair<int, Code>>{
           {200, Code::kOk},
           {201, Code::kOk},
           {204, Code::kOk},
           {301, Code::kFailedPrecondition},
           {400, Code::kFailedPrecondition},
           {401, Code::kUnauthenticated},
           {403, Code::kPermissionDenied},
           {404, Code::kNotFound},
           {408, Code::kUnavailable},
           {409, Code::kFailedPrecondition},
           {410, Code::kNotFound},
           {422, Code::kFailedPrecondition},
           {429, Code::kResourceExhausted},
           {500, Code::kUnavailable},
           {503, Code::kUnavailable},
       }) {
    EXPECT_EQ(StatusOf(status, {}).code(), code) << status;
  }
}

TEST(AnswerTest, ARateLimitSaysWhenToTryAgain) {
  struct Case {
    std::string why;
    int status;
    std::map<std::string, std::string> headers;
    std::string body;
    std::optional<absl::Duration> delay;
  };
  for (const Case& test : std::vector<Case>{
           {"seconds", 429, {{"retry-after", "17"}}, "", absl::Seconds(17)},
           {"a date",
            429,
            {{"retry-after", "Tue, 14 Nov 2023 22:13:50 GMT"}},
            "",
            absl::Seconds(30)},
           {"a date that is past",
            429,
            {{"retry-after", "Tue, 14 Nov 2023 22:00:00 GMT"}},
            "",
            absl::Seconds(1)},
           {"longer than an hour", 429, {{"retry-after", "864000"}}, "", absl::Hours(1)},
           {"nothing said", 429, {}, "", absl::Minutes(1)},
           {"GitHub's primary limit",
            403,
            {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1700000090"}},
            "",
            absl::Seconds(90)},
           {"GitHub's secondary limit", 403, {{"retry-after", "45"}}, "", absl::Seconds(45)},
           {"GitHub's secondary limit in words only",
            403,
            {{"x-ratelimit-remaining", "4000"}},
            R"({"message": "You have exceeded a secondary rate limit."})",
            absl::Minutes(1)},
           {"GitLab",
            429,
            {{"ratelimit-remaining", "0"}, {"ratelimit-reset", "1700000005"}},
            "",
            absl::Seconds(5)},
           {"no limit", 403, {{"x-ratelimit-remaining", "4000"}}, "", std::nullopt},
       }) {
    const absl::Status status = StatusOf(test.status, test.headers, test.body);
    EXPECT_EQ(status.code(), test.delay ? Code::kResourceExhausted : Code::kPermissionDenied)
        << test.why;
    EXPECT_EQ(RetryDelayOf(status), test.delay) << test.why;
  }
  EXPECT_EQ(RetryDelayOf(StatusOf(503, {{"retry-after", "9"}})), absl::Seconds(9));
}

TEST(AnswerTest, TheServersWordsAreInTheMessageOnOneLineAndWithoutSecrets) {
  const absl::Status status =
      StatusOf(422, {{"content-type", "application/json"}},
               R"({"message": "Validation\nFailed", "errors": [{"message": "the-token is bad"}]})");
  EXPECT_EQ(status.message(), "listing: HTTP 422: Validation Failed; [secret] is bad");
  EXPECT_EQ(StatusOf(500, {}, "<html>\x1b[1mthe-token").message(),
            "listing: HTTP 500 and no JSON: <html> [1m[secret]");
  EXPECT_THAT(std::string(StatusOf(400, {}, R"({"message": {"base": ["is taken"]}})").message()),
              HasSubstr(R"({"base":["is taken"]})"));
  EXPECT_LT(StatusOf(500, {}, std::string(1 << 20, 'x')).message().size(), 500);
}

TEST(AnswerTest, ASignInPageMeansABadToken) {
  EXPECT_EQ(StatusOf(302, {{"location", "https://h/_signin?x=1"}}).code(), Code::kUnauthenticated);
  const absl::Status moved = StatusOf(301, {{"location", "https://u:hush@h/new?token=hush"}});
  EXPECT_THAT(std::string(moved.message()), HasSubstr("https://h/new"));
  EXPECT_THAT(std::string(moved.message()), Not(HasSubstr("hush")));
}

TEST(AnswerTest, WithoutAnAnswerOnlyWhatMayPassIsTriedAgain) {
  for (const auto& [from, to] : std::vector<std::pair<Code, Code>>{
           {Code::kUnavailable, Code::kUnavailable},
           {Code::kAborted, Code::kUnavailable},
           {Code::kDataLoss, Code::kUnavailable},
           {Code::kDeadlineExceeded, Code::kDeadlineExceeded},
           {Code::kCancelled, Code::kCancelled},
           {Code::kResourceExhausted, Code::kFailedPrecondition},
           {Code::kInvalidArgument, Code::kInvalidArgument},
       }) {
    EXPECT_EQ(StatusOfExchange(TestAttempt(), absl::Status(from, "x")).code(), to);
  }
}

}  // namespace
}  // namespace gitops
