#include "services/hook_dispatcher/call/hook_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

HookSpec Hook() {
  HookSpec hook;
  hook.name = "drain";
  hook.points = {"pre-deploy"};
  hook.url = "http://user:hunter2@lb/drain?token=hush";
  return hook;
}

HookQuestion Question(const std::string& point = "pre-deploy") {
  HookQuestion question;
  question.point = point;
  question.payload = {{"web1", {"push"}}};
  question.deployment = "20261122-221530-k7q2mx";
  question.idempotency_key = "20261122-221530-k7q2mx/web1/1/pre-deploy";
  question.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  return question;
}

std::map<std::string, std::string> HeadersOf(const HookSpec& hook, const HookQuestion& question) {
  const auto request = MakeHookRequest(hook, question);
  EXPECT_TRUE(request.ok()) << request.status();
  std::map<std::string, std::string> headers(request->headers.begin(), request->headers.end());
  EXPECT_EQ(headers.size(), request->headers.size()) << "a header stands twice";
  return headers;
}

TEST(HookRequestTest, RequestIsThatOfTheContract) {
  const auto request = MakeHookRequest(Hook(), Question());
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->url, Hook().url);
  EXPECT_EQ(request->body, R"({"host":"web1","actions":["push"]})");
  EXPECT_EQ(request->timeout, absl::Seconds(10));
  EXPECT_EQ(request->max_body, 1 << 20);
  const auto headers = HeadersOf(Hook(), Question());
  EXPECT_EQ(headers.at("Content-Type"), "application/json");
  EXPECT_EQ(headers.at("X-Gitops-Hook"), "drain");
  EXPECT_EQ(headers.at("X-Gitops-Point"), "pre-deploy");
  EXPECT_EQ(headers.at("X-Gitops-Deployment"), "20261122-221530-k7q2mx");
  EXPECT_EQ(headers.at("Idempotency-Key"), "20261122-221530-k7q2mx/web1/1/pre-deploy/drain");
  EXPECT_EQ(headers.at("traceparent"), Question().traceparent);
  EXPECT_EQ(headers.count("X-Gitops-Result"), 0);
  EXPECT_EQ(headers.count("X-Signature"), 0);
}

TEST(HookRequestTest, ResultIsToldAtPostPointsOnly) {
  for (const char* point : {"pre-select", "pre-deploy", "pre-reboot", "pre-healthchecks"}) {
    HookQuestion question = Question(point);
    question.result = v1::STEP_RESULT_FAILED;
    EXPECT_EQ(HeadersOf(Hook(), question).count("X-Gitops-Result"), 0) << point;
  }
  for (const char* point : {"post-select", "post-deploy", "post-reboot", "post-healthchecks"}) {
    HookQuestion question = Question(point);
    EXPECT_EQ(HeadersOf(Hook(), question).at("X-Gitops-Result"), "ok") << point;
    question.result = v1::STEP_RESULT_FAILED;
    EXPECT_EQ(HeadersOf(Hook(), question).at("X-Gitops-Result"), "failed") << point;
  }
}

TEST(HookRequestTest, SignatureIsOverTheBody) {
  HookSpec hook = Hook();
  hook.key = Secret("key");
  // printf '{"host":"web1","actions":["push"]}' | openssl dgst -sha256 -hmac key
  EXPECT_EQ(HeadersOf(hook, Question()).at("X-Signature"),
            "sha256=b88cbf1e57353982785e17f318536861b11b3892fb005593f00c426ffd9caab6");
}

TEST(HookRequestTest, HeadersCannotBeInjected) {
  HookQuestion question = Question("post-deploy");
  question.deployment = "a\r\nX-Evil: 1";
  question.idempotency_key = std::string("b\0\x7f\xc3\xa4", 5);
  const auto headers = HeadersOf(Hook(), question);
  EXPECT_EQ(headers.at("X-Gitops-Deployment"), "a%0D%0AX-Evil: 1");
  EXPECT_EQ(headers.at("Idempotency-Key"), "b%00%7F%C3%A4/drain");
}

TEST(HookRequestTest, EveryCallHasAnIdempotencyKeyOfItsOwn) {
  EXPECT_NE(NewIdempotencyKey(), NewIdempotencyKey());
}

TEST(HookRequestTest, OnlyConnectionErrorsAndFiveHundredsAreTriedAgain) {
  const struct {
    absl::StatusCode code;
    int http_status;
    bool again;
  } cases[] = {
      {absl::StatusCode::kUnavailable, 0, true},
      {absl::StatusCode::kAborted, 0, true},
      {absl::StatusCode::kAborted, 200, true},
      {absl::StatusCode::kOk, 500, true},
      {absl::StatusCode::kOk, 503, true},
      {absl::StatusCode::kOk, 599, true},
      {absl::StatusCode::kResourceExhausted, 502, true},
      {absl::StatusCode::kOk, 200, false},
      {absl::StatusCode::kOk, 204, false},
      {absl::StatusCode::kOk, 302, false},
      {absl::StatusCode::kOk, 404, false},
      {absl::StatusCode::kOk, 429, false},
      {absl::StatusCode::kResourceExhausted, 200, false},
      {absl::StatusCode::kDeadlineExceeded, 0, false},
      {absl::StatusCode::kDeadlineExceeded, 503, false},
      {absl::StatusCode::kDataLoss, 0, false},
      {absl::StatusCode::kCancelled, 0, false},
      {absl::StatusCode::kInvalidArgument, 0, false},
  };
  for (const auto& c : cases) {
    HttpResponse response;
    response.status = c.http_status;
    EXPECT_EQ(IsWorthRetrying(absl::Status(c.code, "x"), response), c.again)
        << static_cast<int>(c.code) << " " << c.http_status;
  }
}

TEST(HookRequestTest, ReadOnlyHooksNeedTwoHundredAndNothingElse) {
  HookSpec hook = Hook();
  hook.mode = HookMode::kReadOnly;
  const HookQuestion question = Question();
  for (const char* body : {"", "<html>", "{\"host\":\"db1\"}", "\xff"}) {
    const auto after = JudgeAnswer(hook, question, absl::OkStatus(), {200, {}, body});
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(*after, question.payload);
  }
  EXPECT_TRUE(
      JudgeAnswer(hook, question, absl::ResourceExhaustedError("2 MB"), {200, {}, "x"}).ok());
  for (const int status : {201, 204, 302, 404, 500}) {
    EXPECT_FALSE(JudgeAnswer(hook, question, absl::OkStatus(), {status, {}, ""}).ok());
  }
  // A whole answer is needed all the same.
  EXPECT_FALSE(
      JudgeAnswer(hook, question, absl::DeadlineExceededError("late"), {200, {}, ""}).ok());
  EXPECT_FALSE(JudgeAnswer(hook, question, absl::ResourceExhaustedError("headers"), {}).ok());
}

TEST(HookRequestTest, FailureNamesHookPointHostStatusAndBody) {
  EXPECT_EQ(DescribeFailure(Hook(), Question(), "why", {500, {}, "oops\n"}),
            "hook \"drain\" at pre-deploy for web1: status 500: why; the body starts: \"oops \"");
  EXPECT_EQ(DescribeFailure(Hook(), Question("pre-select"), "why", {204, {}, ""}),
            "hook \"drain\" at pre-select: status 204: why; the body is empty");
  EXPECT_EQ(DescribeFailure(Hook(), Question(), "why", {}),
            "hook \"drain\" at pre-deploy for web1: no answer: why");
}

TEST(HookRequestTest, BodyIsShownShortAndPrintable) {
  const auto shown = [](const std::string& body) {
    return DescribeFailure(Hook(), Question(), "why", {500, {}, body});
  };
  EXPECT_THAT(shown("\x1b[2J\x07x\r\ny\x7f"), HasSubstr("\"?[2J?x  y?\""));
  EXPECT_THAT(shown("\xc2\x9b[2J"), HasSubstr("\"??[2J\""));
  EXPECT_THAT(shown("\xc3\xa4\xff"), HasSubstr("\"\xc3\xa4\xef\xbf\xbd\""));
  EXPECT_THAT(shown(std::string(5000, 'x')), HasSubstr("\"" + std::string(200, 'x') + "\""));
}

}  // namespace
}  // namespace gitops
