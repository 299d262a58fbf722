#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "services/planner/testing/fake_hook_caller.h"
#include "services/planner/testing/fake_host_checks.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

v1::DispatchHookRequest Payload(const std::string& point, const std::string& host) {
  v1::DispatchHookRequest request;
  request.set_point(point);
  request.add_hosts()->set_host(host);
  request.mutable_hosts(0)->add_actions("sync");
  return request;
}

std::vector<std::string> ActionsOf(const absl::StatusOr<v1::DispatchHookResponse>& response) {
  if (!response.ok()) return {response.status().ToString()};
  return {response->hosts(0).actions().begin(), response->hosts(0).actions().end()};
}

TEST(FakeHookCallerTest, HooksAnswerAtTheirPointAndHostSoOftenAsTold) {
  FakeHookCaller hooks;
  hooks.Add({.point = "post-deploy",
             .host = "web1",
             .skip = 1,
             .times = 1,
             .actions = std::vector<std::string>{"reboot"}});
  EXPECT_THAT(ActionsOf(hooks.Dispatch(Payload("post-deploy", "web1"), nullptr)),
              ElementsAre("sync"));
  EXPECT_THAT(ActionsOf(hooks.Dispatch(Payload("pre-deploy", "web1"), nullptr)),
              ElementsAre("sync"));
  EXPECT_THAT(ActionsOf(hooks.Dispatch(Payload("post-deploy", "web2"), nullptr)),
              ElementsAre("sync"));
  EXPECT_THAT(ActionsOf(hooks.Dispatch(Payload("post-deploy", "web1"), nullptr)),
              ElementsAre("reboot"));
  EXPECT_THAT(ActionsOf(hooks.Dispatch(Payload("post-deploy", "web1"), nullptr)),
              ElementsAre("sync"));
  EXPECT_THAT(hooks.asked()[1], "pre-deploy web1 [sync]");
}

TEST(FakeHookCallerTest, AHookMayStopTheChainAndTheDispatcherMayBeAway) {
  FakeHookCaller hooks;
  hooks.Add({.point = "pre-deploy", .failed_hook = "drain"});
  hooks.Add({.point = "pre-reboot", .code = absl::StatusCode::kUnavailable});
  const auto stopped = hooks.Dispatch(Payload("pre-deploy", "web1"), nullptr);
  ASSERT_TRUE(stopped.ok());
  EXPECT_EQ(stopped->failure().hook(), "drain");
  EXPECT_EQ(stopped->calls(0).http_status(), 500);
  EXPECT_EQ(hooks.Dispatch(Payload("pre-reboot", "web1"), nullptr).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(FakeHookCallerTest, AStalledHookWaitsForItsReleaseOrIsGivenUp) {
  FakeHookCaller hooks;
  hooks.Add({.stall = true});
  EXPECT_EQ(hooks.Dispatch(Payload("pre-deploy", "web1"), [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
  auto waiting = std::async(std::launch::async, [&] {
    return hooks.Dispatch(Payload("pre-deploy", "web1"), nullptr).ok();
  });
  ASSERT_TRUE(hooks.AwaitStalled(1));
  hooks.Release();
  EXPECT_TRUE(waiting.get());
}

TEST(FakeHookCallerTest, WithoutADispatcherThePayloadStays) {
  FakeHookCaller hooks(/*configured=*/false);
  hooks.Add({.actions = std::vector<std::string>{}});
  EXPECT_THAT(ActionsOf(hooks.Dispatch(Payload("pre-deploy", "web1"), nullptr)),
              ElementsAre("sync"));
  EXPECT_TRUE(hooks.requests().empty());
}

TEST(FakeHostChecksTest, ChecksSucceedUnlessToldOtherwise) {
  FakeHostChecks checks;
  checks.Add({.host = "web2",
              .kind = v1::RunCheckRequest::KIND_HEALTH,
              .times = 1,
              .code = absl::StatusCode::kDeadlineExceeded});
  HostSpec host;
  host.name = "web2";
  std::string output;
  const auto run = [&](v1::RunCheckRequest::Kind kind) {
    return checks.Run(host, "web2:8004", kind, absl::Minutes(5), nullptr, &output, nullptr).code();
  };
  EXPECT_EQ(run(v1::RunCheckRequest::KIND_PRE_DEPLOY), absl::StatusCode::kOk);
  EXPECT_EQ(run(v1::RunCheckRequest::KIND_HEALTH), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(run(v1::RunCheckRequest::KIND_HEALTH), absl::StatusCode::kOk);
  EXPECT_EQ(output, "ok\nhttp: 503 Service Unavailable\nok\n");
  EXPECT_EQ(checks.runs().size(), 3u);
}

}  // namespace
}  // namespace gitops
