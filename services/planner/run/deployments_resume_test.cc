#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "common/clock/fake_clock.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(DeploymentResume, ACancelledDeploymentLetsEachHostEndItsStepAndBeginsNoMore) {
  RunWorld world({.hosts = 4});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "freeze", "reboot"}, 2));
  ASSERT_TRUE(world.agents.AwaitHeld(2));
  const auto cancelled = world.deployments->Cancel(id, "bob", "lunch");
  ASSERT_TRUE(cancelled.ok());
  EXPECT_TRUE(world.records.Load(id)->cancel_requested) << "stored when it answers";
  world.agents.ClearFaults();
  world.agents.Release();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "CANCELLED");
  EXPECT_THAT(States(done),
              ElementsAre("web1 STOPPED", "web2 STOPPED", "web3 PENDING", "web4 PENDING"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync", "freeze"));
  ASSERT_THAT(done.events(), SizeIs(1));
  EXPECT_EQ(done.events(0).actor(), "bob");
  EXPECT_THAT(done.events(0).message(), HasSubstr("lunch"));
}

TEST(DeploymentResume, ACancellationThatComesBetweenADecisionAndTheBeginningBeginsNothing) {
  RunWorld* planner = nullptr;
  std::string id;
  bool cancelled = false;
  DeploymentObserver observer;
  // Told in the thread of the deployment, after it has decided whom to begin.
  observer.hosts = [&](const std::string& phase, int hosts) {
    if (phase != "pending" || hosts != 2 || std::exchange(cancelled, true)) return;
    EXPECT_TRUE(planner->deployments->Cancel(id, "bob", "").ok());
  };
  RunWorld world({.hosts = 2, .observer = observer});
  planner = &world;
  Deployments::NewDeployment deployment;
  deployment.id = id = world.records.NewDeploymentId();
  deployment.plan = world.MakePlan(SpecOf({"sync"}));
  ASSERT_TRUE(world.deployments->Begin(deployment).ok());
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "CANCELLED");
  EXPECT_THAT(States(done), ElementsAre("web1 PENDING", "web2 PENDING"));
  EXPECT_THAT(world.agents.performed(), IsEmpty());
  EXPECT_TRUE(cancelled);
}

TEST(DeploymentResume, AResumedDeploymentGoesOnWhereItStoppedUnderTheSameId) {
  RunWorld world({.hosts = 3});
  world.agents.AddFault({.address = "web2:8004",
                         .action = "freeze",
                         .times = 1,
                         .code = absl::StatusCode::kInternal});
  const std::string id = world.Run(SpecOf({"sync", "freeze"})).id();
  const auto resumed = world.deployments->Resume(id, "bob");
  ASSERT_TRUE(resumed.ok()) << resumed.status().ToString();
  EXPECT_EQ(resumed->id(), id);
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync", "freeze")) << "done before";
  EXPECT_THAT(world.agents.ActionsOn("web2:8004"), ElementsAre("sync", "freeze", "freeze"));
  EXPECT_THAT(world.agents.ActionsOn("web3:8004"), ElementsAre("sync", "freeze"));
  EXPECT_EQ(done.events(0).actor(), "bob");
  EXPECT_THAT(done.hosts(1).steps(), SizeIs(2)) << "the step that failed is still on the record";
}

TEST(DeploymentResume, OnlyWhatHasEndedAndIsNotDoneCanBeResumed) {
  RunWorld world({.hosts = 1});
  world.agents.Hold();
  const std::string id = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(world.deployments->Resume(id, "bob").status()));
  world.agents.ClearFaults();
  world.agents.Release();
  world.AwaitEnd(id);
  const auto done = world.deployments->Resume(id, "bob");
  EXPECT_TRUE(absl::IsFailedPrecondition(done.status()));
  EXPECT_THAT(std::string(done.status().message()), HasSubstr("all its hosts are done"));
}

TEST(DeploymentResume, WhatAnAgentDidWithoutItsAnswerArrivingIsNotDoneAgain) {
  for (const std::string action : {"sync", "reboot"}) {
    RunWorld world({.hosts = 1, .clock = Clock::System()});
    world.agents.AddFault({.action = action,
                           .times = 1,
                           .code = absl::StatusCode::kDeadlineExceeded,
                           .after_effect = true});
    const std::string id = world.Run(SpecOf({action, "freeze"})).id();
    ASSERT_THAT(States(*world.records.Whole(id)), ElementsAre("web1 FAILED"));
    ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
    const v1::Deployment done = world.AwaitEnd(id);
    EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
    EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre(action, "freeze"));
    EXPECT_THAT(done.hosts(0).moves(), SizeIs(action == "sync" ? 1 : 0));
  }
}

TEST(DeploymentResume, ARebootThatComesBackLateIsNotMadeAgain) {
  RunWorld world({.hosts = 1});
  world.agents.Change("web1:8004", [](FakeAgent& agent) { agent.reboot = FakeReboot::kStaysDown; });
  const std::string id = world.Run(SpecOf({"reboot", "freeze"})).id();
  ASSERT_THAT(States(*world.records.Whole(id)), ElementsAre("web1 FAILED"));
  world.agents.BringBack("web1:8004");
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("reboot", "freeze"));
}

TEST(DeploymentResume, AnUnreachableHostIsResumedAsIfItHadNotBeenBegun) {
  RunWorld world({.hosts = 1});
  world.agents.SetUp("web1:8004", false);
  const std::string id = world.Run(SpecOf({"sync"})).id();
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_THAT(States(world.AwaitEnd(id)), ElementsAre("web1 UNREACHABLE"));
  world.agents.SetUp("web1:8004", true);
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_THAT(States(world.AwaitEnd(id)), ElementsAre("web1 SUCCEEDED"));
}

v1::DeploymentSpec CatchUp(int seconds) {
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_catch_up(true);
  spec.mutable_rollout()->mutable_catch_up_timeout()->set_seconds(seconds);
  return spec;
}

bool Waits(const v1::Deployment& deployment) {
  return deployment.events_size() > 0 &&
         deployment.events(0).message().find("waits for 1 unreachable") != std::string::npos;
}

TEST(DeploymentCatchUp, AHostThatComesOnlineIsCaughtUp) {
  FakeClock clock;
  RunWorld world({.hosts = 3, .clock = &clock});
  world.agents.SetUp("web2:8004", false);
  const std::string id = world.Begin(CatchUp(3600));
  const v1::Deployment waiting = world.Await(id, Waits);
  EXPECT_EQ(StateOf(waiting), "RUNNING");
  EXPECT_THAT(States(waiting), ElementsAre("web1 SUCCEEDED", "web2 UNREACHABLE", "web3 SUCCEEDED"));
  world.agents.SetUp("web2:8004", true);
  world.Report(2);
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
  EXPECT_EQ(done.unreachable_count(), 0);
}

TEST(DeploymentCatchUp, AnUnreachableCanaryIsWaitedForAndThenTheRestFollows) {
  FakeClock clock;
  RunWorld world({.hosts = 3, .clock = &clock});
  world.agents.SetUp("web1:8004", false);
  v1::DeploymentSpec spec = CatchUp(3600);
  spec.mutable_rollout()->set_canary(1);
  const std::string id = world.Begin(spec);
  EXPECT_THAT(States(world.Await(id, Waits)),
              ElementsAre("web1 UNREACHABLE", "web2 PENDING", "web3 PENDING"));
  world.agents.SetUp("web1:8004", true);
  world.Report(1);
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_THAT(OrderOf(world.agents.performed()), ElementsAre("web1", "web2", "web3"));
}

TEST(DeploymentCatchUp, AnUnreachableCanaryEndsTheDeploymentWhenItsTimeIsOver) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .clock = &clock, .lock_ttl = absl::Hours(24)});
  world.agents.SetUp("web1:8004", false);
  v1::DeploymentSpec spec = CatchUp(10);
  spec.mutable_rollout()->set_canary(1);
  const std::string id = world.Begin(spec);
  world.Await(id, Waits);
  clock.Advance(absl::Seconds(10));
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done), ElementsAre("web1 UNREACHABLE", "web2 PENDING"));
}

TEST(DeploymentCatchUp, AHostWhoseAgentReportsToNobodyIsTriedNowAndThen) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .clock = &clock, .lock_ttl = absl::Hours(24)});
  world.agents.SetUp("web1:8004", false);
  const std::string id = world.Begin(CatchUp(3600));
  world.Await(id, Waits);
  world.agents.SetUp("web1:8004", true);
  ASSERT_TRUE(clock.AwaitDeadline(clock.Now() + absl::Seconds(15)));
  clock.Advance(absl::Seconds(15));
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
}

TEST(DeploymentCatchUp, WaitingEndsAfterItsTimeAlsoAcrossARestart) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .clock = &clock, .lock_ttl = absl::Hours(24)});
  world.agents.SetUp("web1:8004", false);
  const std::string id = world.Begin(CatchUp(10));
  world.Await(id, Waits);
  world.Stop();
  clock.Advance(absl::Seconds(9));
  world.Start();
  world.Await(id, [](const v1::Deployment& deployment) { return deployment.events_size() > 1; });
  EXPECT_EQ(StateOf(*world.records.Whole(id)), "RUNNING");
  clock.Advance(absl::Seconds(1));
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done), ElementsAre("web1 UNREACHABLE", "web2 SUCCEEDED"));
}

TEST(DeploymentCatchUp, HostsThatAreThroughAreFreeForOthersMeanwhile) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .clock = &clock, .lock_ttl = absl::Hours(24)});
  world.agents.SetUp("web1:8004", false);
  const std::string id = world.Begin(CatchUp(3600));
  world.Await(id, Waits);
  const v1::Plan other = world.MakePlan(SpecOf({"freeze"}), 2, 2);
  EXPECT_EQ(StateOf(world.AwaitEnd(world.Begin(other))), "SUCCEEDED");
  EXPECT_EQ(StateOf(*world.records.Whole(id)), "RUNNING");
  ASSERT_TRUE(world.deployments->Cancel(id, "bob", "").ok());
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "CANCELLED");
}

}  // namespace
}  // namespace gitops
