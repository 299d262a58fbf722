#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST(DeploymentHooks, EveryStepAsksItsHooksWithWhatRemains) {
  RunWorld world({.hosts = 1, .hooks = true});
  const v1::Deployment done = world.Run(SpecOf({"sync", "reboot"}));
  EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
  EXPECT_THAT(world.hooks.asked(),
              ElementsAre("pre-deploy web1 [sync reboot]", "post-deploy web1 [reboot] ok",
                          "pre-reboot web1 [reboot]", "post-reboot web1 [] ok",
                          "pre-healthchecks web1 []", "post-healthchecks web1 [] ok"));
  const v1::DispatchHookRequest first = world.hooks.requests().front();
  EXPECT_EQ(first.deployment(), done.id());
  EXPECT_EQ(first.idempotency_key(), done.id() + "/web1/1/pre-deploy");
  EXPECT_THAT(first.known_hosts(), IsEmpty());
  EXPECT_FALSE(first.ignore_errors());
  ASSERT_THAT(done.hosts(0).steps(), SizeIs(3));
  EXPECT_THAT(done.hosts(0).steps(1).hook_calls(), SizeIs(2));
}

TEST(DeploymentHooks, WhatAHookAnswersIsTheHostsList) {
  RunWorld world({.hosts = 1, .hooks = true});
  world.hooks.Add({.point = "pre-deploy", .times = 1, .actions = {{"freeze", "sync"}}});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.set_skip_health_checks(true);
  EXPECT_THAT(States(world.Run(spec)), ElementsAre("web1 FAILED")) << "a frozen service";
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("freeze", "sync"));
}

TEST(DeploymentHooks, AHookThatSkipsAHostLeavesItUntouched) {
  RunWorld world({.hosts = 2, .hooks = true});
  world.hooks.Add({.point = "pre-deploy", .host = "web1", .actions = {{"skip"}}});
  EXPECT_THAT(States(world.Run(SpecOf({"sync"}))), ElementsAre("web1 SKIPPED", "web2 SUCCEEDED"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), IsEmpty());
}

TEST(DeploymentHooks, AHookErrorStopsTheDeploymentAndOthersAfterTheStepTheyAreIn) {
  RunWorld world({.hosts = 4, .hooks = true});
  world.hooks.Add({.point = "pre-deploy",
                   .host = "web2",
                   .message = "hook drain: 500",
                   .failed_hook = "drain"});
  world.agents.Hold("sync");
  v1::DeploymentSpec spec = SpecOf({"sync", "reboot"}, 2);
  spec.mutable_rollout()->set_max_failures("100%");
  const std::string id = world.Begin(spec);
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.Await(id, [](const v1::Deployment& deployment) {
    return deployment.hosts(1).state() == v1::HOST_DEPLOYMENT_STATE_FAILED;
  });
  world.agents.ClearFaults();
  world.agents.Release();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done),
              ElementsAre("web1 STOPPED", "web2 FAILED", "web3 PENDING", "web4 PENDING"));
  EXPECT_EQ(done.message(), "1 of 4 hosts failed: web2; hook drain: 500");
  EXPECT_THAT(done.hosts(1).remaining_actions(), ElementsAre("sync", "reboot"));
  EXPECT_THAT(done.hosts(0).remaining_actions(), ElementsAre("reboot"));
  EXPECT_THAT(world.hooks.asked(), ::testing::Contains("post-deploy web1 [reboot] ok"));
}

TEST(DeploymentHooks, AFailedPreHookIsFollowedByThePostHookAndResumedInANewStep) {
  RunWorld world({.hosts = 2, .hooks = true});
  world.hooks.Add({.point = "pre-deploy", .times = 1, .message = "no", .failed_hook = "drain"});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.set_skip_health_checks(true);
  const v1::Deployment done = world.Run(spec);
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 PENDING"));
  EXPECT_EQ(done.hosts(0).message(), "no");
  EXPECT_THAT(world.hooks.asked(),
              ElementsAre("pre-deploy web1 [sync]", "post-deploy web1 [sync] failed"));
  EXPECT_THAT(world.agents.performed(), IsEmpty());
  ASSERT_TRUE(world.deployments->Resume(done.id(), "bob").ok());
  EXPECT_EQ(StateOf(world.AwaitEnd(done.id())), "SUCCEEDED");
  EXPECT_EQ(world.hooks.requests()[2].idempotency_key(), done.id() + "/web1/2/pre-deploy");
}

TEST(DeploymentHooks, ADispatcherThatCannotBeReachedStopsTheDeployment) {
  RunWorld world({.hosts = 2, .hooks = true});
  world.hooks.Add({.point = "post-deploy", .code = absl::StatusCode::kUnavailable});
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 PENDING"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("post-deploy"));
}

TEST(DeploymentHooks, WhatTheHookSaidIsToldAlsoIfItSoundsLikeACount) {
  for (const char* said : {"hook drain: the handshake failed",
                           "hook drain: 9 MiB, more than the 1 MiB that an answer may have"}) {
    RunWorld world({.hosts = 2, .hooks = true});
    world.hooks.Add({.point = "pre-deploy", .message = said, .failed_hook = "drain"});
    EXPECT_THAT(world.Run(SpecOf({"sync"})).message(), HasSubstr(said));
  }
}

TEST(DeploymentHooks, AResumedDeploymentAsksTheHookThatStoppedItAgain) {
  RunWorld world({.hosts = 2, .hooks = true});
  world.hooks.Add({.point = "post-deploy", .times = 1, .failed_hook = "undrain"});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.set_skip_health_checks(true);
  const v1::Deployment stopped = world.Run(spec);
  ASSERT_THAT(stopped.hosts(0).steps(), SizeIs(1));
  EXPECT_EQ(stopped.hosts(0).steps(0).result(), v1::STEP_RESULT_FAILED) << "it is not under way";
  EXPECT_TRUE(stopped.hosts(0).steps(0).has_end_time());
  EXPECT_EQ(stopped.hosts(0).steps(0).message(), stopped.hosts(0).message());
  const std::string& id = stopped.id();
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED");
  ASSERT_THAT(done.hosts(0).steps(), SizeIs(1));
  EXPECT_EQ(done.hosts(0).steps(0).result(), v1::STEP_RESULT_OK);
  EXPECT_EQ(done.hosts(0).steps(0).message(), "");
  EXPECT_THAT(world.hooks.asked(), ElementsAre("pre-deploy web1 [sync]", "post-deploy web1 [] ok",
                                               "post-deploy web1 [] ok", "pre-deploy web2 [sync]",
                                               "post-deploy web2 [] ok"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync"));
}

TEST(DeploymentHooks, PostHooksOfAFailedStepAreToldSo) {
  RunWorld world({.hosts = 1, .hooks = true});
  world.agents.FailAction("web1:8004", "sync");
  world.Run(SpecOf({"sync", "reboot"}));
  EXPECT_THAT(world.hooks.asked(), ElementsAre("pre-deploy web1 [sync reboot]",
                                               "post-deploy web1 [sync reboot] failed"));
}

TEST(DeploymentHooks, AHostThatLeftTheConfigurationDuringARestartGetsToItsPostHook) {
  RunWorld world({.hosts = 1, .hooks = true});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.Stop();
  world.agents.ClearFaults();
  world.Forget(1);
  world.Start();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("left the configuration"));
  EXPECT_THAT(world.hooks.asked(),
              ElementsAre("pre-deploy web1 [sync]", "post-deploy web1 [sync] failed"));
}

TEST(DeploymentHooks, AHostWhoseLockIsBrokenInAStepGetsToItsPostHook) {
  RunWorld world({.hosts = 1, .hooks = true});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  ASSERT_TRUE(world.locks->Break("web1", "bob", "stuck").ok());
  world.agents.ClearFaults();
  world.agents.Release();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("stuck"));
  EXPECT_THAT(done.hosts(0).remaining_actions(), ElementsAre("freeze"));
  EXPECT_THAT(world.hooks.asked(),
              ElementsAre("pre-deploy web1 [sync freeze]", "post-deploy web1 [freeze] failed"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync"));
}

TEST(DeploymentHooks, NoHookIsAskedForAHostThatCannotBeReached) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .hooks = true, .clock = &clock});
  world.agents.SetUp("web1:8004", false);
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_THAT(States(done), ElementsAre("web1 UNREACHABLE", "web2 SUCCEEDED"));
  EXPECT_THAT(world.hooks.asked(), AllOf(Not(IsEmpty()), Each(HasSubstr("web2"))));
  EXPECT_EQ(world.agents.status_calls(), 2) << "once a host";
}

TEST(DeploymentHooks, IgnoringHookErrorsIsPassedOn) {
  RunWorld world({.hosts = 1, .hooks = true});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.set_ignore_hook_errors(true);
  world.Run(spec);
  ASSERT_FALSE(world.hooks.requests().empty());
  for (const auto& request : world.hooks.requests()) EXPECT_TRUE(request.ignore_errors());
}

TEST(DeploymentHooks, AHookThatStallsOnEachOf200HostsHoldsUpNothingElse) {
  RunWorld world({.hosts = 201, .hooks = true});
  world.hooks.Add({.point = "pre-deploy", .stall = true});
  const std::string id = world.Begin(world.MakePlan(SpecOf({"sync"}, 50), 1, 200));
  ASSERT_TRUE(world.hooks.AwaitStalled(50));
  EXPECT_THAT(world.agents.performed(), IsEmpty());
  // Another deployment continues meanwhile.
  v1::DeploymentSpec other = SpecOf({"reboot"});
  other.set_skip_health_checks(true);
  EXPECT_EQ(StateOf(world.AwaitEnd(world.Begin(world.MakePlan(other, 201, 201)))), "SUCCEEDED");
  world.hooks.Clear();
  world.hooks.Release();
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_EQ(world.hooks.peak(), 51) << "50 of the first, and the one host of the other";
  EXPECT_LE(world.agents.peak(), 51);
}

}  // namespace
}  // namespace gitops
