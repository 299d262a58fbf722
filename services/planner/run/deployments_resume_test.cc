#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <utility>

#include "common/clock/fake_clock.h"
#include "services/planner/run/run_testing.h"
#include "services/planner/testing/gate.h"

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
  const Actor bob = MakePrincipal("bob", "", "unix:");
  const auto cancelled = world.deployments->Cancel(id, bob, "lunch");
  ASSERT_TRUE(cancelled.ok());
  EXPECT_TRUE(world.records.Load(id)->state.cancel_requested()) << "stored when it answers";
  world.agents.ClearFaults();
  world.agents.Release();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "CANCELLED");
  EXPECT_THAT(States(done),
              ElementsAre("web1 STOPPED", "web2 STOPPED", "web3 PENDING", "web4 PENDING"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync", "freeze"));
  ASSERT_THAT(done.events(), SizeIs(1));
  EXPECT_EQ(ReadActor(done.events(0)), bob);
  EXPECT_THAT(done.events(0).message(), HasSubstr("lunch"));
}

TEST(DeploymentResume, ACancellationThatComesBetweenADecisionAndTheBeginningBeginsNothing) {
  RunWorld* planner = nullptr;
  std::string id;
  bool cancelled = false;
  DeploymentObserver observer;
  // Called in the thread of the deployment, after it has decided which hosts begin.
  observer.hosts = [&](const std::string& phase, int hosts) {
    if (phase != "pending" || hosts != 2 || std::exchange(cancelled, true)) return;
    EXPECT_TRUE(planner->deployments->Cancel(id, "bob", "").ok());
  };
  RunWorld world({.hosts = 2, .observer = observer});
  planner = &world;
  const v1::Plan plan = world.MakePlan(SpecOf({"sync"}));
  Deployments::NewDeployment deployment = RunWorld::New(plan);
  deployment.plan = [&](const std::string& new_id, std::vector<v1::HookCall>*) {
    id = new_id;
    return plan;
  };
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

// Blocks in Resume, in the write of its hosts.
class ResumeInProgress : public ::testing::Test {
 protected:
  static constexpr int kHosts = 100;  // web1 to web100 are resumed, web101 is locked by another

  ResumeInProgress() {
    v1::DeploymentSpec spec = SpecOf({"sync"}, kHosts);
    spec.mutable_rollout()->set_on_failure(v1::Rollout::ON_FAILURE_CONTINUE);
    world_.agents.AddFault({.times = kHosts, .code = absl::StatusCode::kInternal});
    id_ = world_.Begin(world_.MakePlan(spec, 1, kHosts));
    EXPECT_EQ(StateOf(world_.AwaitEnd(id_)), "FAILED");
    world_.agents.Hold("freeze");
    other_ = world_.Begin(world_.MakePlan(SpecOf({"freeze"}), kHosts + 1, kHosts + 1));
    EXPECT_TRUE(world_.agents.AwaitHeld(1));
    world_.store.OnWrite([this](const std::vector<StoreWrite>& writes) {
      if (!writes[0].key.starts_with("planner/v1/host/" + id_)) return;
      if (most_hosts_.exchange(writes.size()) == 0) gate_.Pass(nullptr);
    });
    resume_ = std::async(std::launch::async,
                         [this] { return world_.deployments->Resume(id_, "alice").status(); });
    EXPECT_TRUE(gate_.AwaitStanding(1));
  }
  ~ResumeInProgress() override {
    world_.store.OnWrite(nullptr);
    world_.agents.Release();
    world_.AwaitEnd(other_);
  }

  RunWorld world_{{.hosts = kHosts + 1}};
  Gate gate_;
  std::atomic<size_t> most_hosts_ = 0;
  std::string id_, other_;
  std::future<absl::Status> resume_;
};

TEST_F(ResumeInProgress, WritesItsHostsTogetherAndHoldsUpNoLockOfAnotherDeployment) {
  EXPECT_EQ(most_hosts_, size_t{kHosts});
  auto broken = std::async(std::launch::async, [this] {
    return world_.deployments->BreakLock("web101", "bob", "stuck").status();
  });
  EXPECT_EQ(broken.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  gate_.Release();
  EXPECT_TRUE(broken.get().ok());
  EXPECT_TRUE(resume_.get().ok());
  EXPECT_EQ(StateOf(world_.AwaitEnd(id_)), "SUCCEEDED");
}

TEST_F(ResumeInProgress, IsCancelledAfterIt) {
  world_.agents.Hold("sync");
  auto cancelled = std::async(
      std::launch::async, [this] { return world_.deployments->Cancel(id_, "bob", "").status(); });
  gate_.Release();
  EXPECT_TRUE(resume_.get().ok());
  const absl::Status status = cancelled.get();
  EXPECT_TRUE(status.ok()) << status.ToString();
  world_.agents.ClearFaults();
  world_.agents.Release();
  EXPECT_EQ(StateOf(world_.AwaitEnd(id_)), "CANCELLED");
}

}  // namespace
}  // namespace gitops
