#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "common/clock/fake_clock.h"
#include "common/testing/eventually.h"
#include "services/planner/lock/lock_testing.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void AwaitNoLocks(RunWorld& world) {
  for (;;) {
    const absl::StatusOr<std::vector<StoredValue>> left =
        world.temp.store()->List("planner/v1/lock/");
    ASSERT_TRUE(left.ok());
    if (left->empty()) return;
  }
}

// As when the process is stopped for so long that its lease ends.
void LoseLease(RunWorld& world, FakeClock& clock) {
  world.store.Cut();
  clock.Advance(absl::Minutes(10));
  AwaitNoLocks(world);
  world.store.Heal();
}

// Time passes until it has ended.
v1::Deployment AwaitEndInTime(RunWorld& world, FakeClock& clock, const std::string& id) {
  EXPECT_TRUE(Eventually([&] {
    clock.Advance(absl::Seconds(1));
    return HasEnded(world.records.Load(id)->deployment.state());
  }));
  return *world.records.Whole(id);
}

TEST(DeploymentLocks, ADeploymentOverALockedHostWaitsAndSaysForWhom) {
  RunWorld world({.hosts = 3});
  world.agents.Hold();
  const std::string first = world.Begin(world.MakePlan(SpecOf({"sync"}), 1, 2));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  const std::string second = world.Begin(world.MakePlan(SpecOf({"freeze"}), 2, 3));
  const v1::Deployment waiting = world.Await(
      second, [](const v1::Deployment& deployment) { return !deployment.message().empty(); });
  EXPECT_EQ(StateOf(waiting), "PENDING");
  EXPECT_THAT(waiting.message(), HasSubstr("web2"));
  EXPECT_THAT(waiting.message(), HasSubstr(first));
  EXPECT_THAT(waiting.message(), HasSubstr("alice"));
  EXPECT_THAT(waiting.events(), SizeIs(1));
  world.agents.ClearFaults();
  world.agents.Release();
  EXPECT_EQ(StateOf(world.AwaitEnd(first)), "SUCCEEDED");
  EXPECT_EQ(StateOf(world.AwaitEnd(second)), "SUCCEEDED");
  EXPECT_THAT(world.agents.ActionsOn("web2:8004"), ElementsAre("sync", "freeze"));
}

TEST(DeploymentLocks, OverlappingDeploymentsNeitherInterleaveNorDeadlock) {
  RunWorld world({.hosts = 6});
  std::vector<std::string> ids;
  for (int round = 0; round < 4; ++round) {
    ids.push_back(world.Begin(world.MakePlan(SpecOf({"sync", "freeze", "unfreeze"}, 3), 1, 4)));
    v1::Plan back = world.MakePlan(SpecOf({"sync", "freeze", "unfreeze"}, 3), 3, 6);
    std::reverse(back.mutable_hosts()->pointer_begin(), back.mutable_hosts()->pointer_end());
    ids.push_back(world.Begin(back));
  }
  for (const std::string& id : ids) EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  std::string last;
  std::set<std::string> over;
  for (const FakePerformed& performed : world.agents.performed()) {
    if (performed.address != "web3:8004") continue;
    const std::string& deployment = performed.request.operation().deployment();
    if (deployment != last) EXPECT_TRUE(over.insert(deployment).second) << "came back to web3";
    last = deployment;
  }
  EXPECT_THAT(over, SizeIs(8));
  EXPECT_THAT(*world.locks->List(), IsEmpty()) << "all are given back";
}

TEST(DeploymentLocks, NoWaitIsRefusedAtOnceAndStoresNothing) {
  RunWorld world({.hosts = 2});
  world.agents.Hold();
  const std::string first = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  Deployments::NewDeployment deployment = RunWorld::New(world.MakePlan(SpecOf({"sync"}), 2, 2));
  deployment.no_wait = true;
  const auto refused = world.deployments->Begin(deployment);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status().ToString();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(first));
  EXPECT_THAT(*world.records.List("", 10), SizeIs(1));
  world.agents.ClearFaults();
  world.agents.Release();
  EXPECT_EQ(StateOf(world.AwaitEnd(first)), "SUCCEEDED");
}

TEST(DeploymentLocks, NoWaitOverFreeHostsRuns) {
  RunWorld world({.hosts = 2});
  Deployments::NewDeployment deployment = RunWorld::New(world.MakePlan(SpecOf({"sync"})));
  deployment.no_wait = true;
  const auto begun = world.deployments->Begin(deployment);
  ASSERT_TRUE(begun.ok()) << begun.status().ToString();
  EXPECT_EQ(StateOf(world.AwaitEnd(begun->id())), "SUCCEEDED");
}

TEST(DeploymentLocks, ABrokenLockFailsItsHostAloneAndIsOnTheRecord) {
  RunWorld world({.hosts = 3});
  world.agents.Hold("sync");
  v1::DeploymentSpec spec = SpecOf({"sync", "freeze"});
  spec.mutable_rollout()->set_max_failures("1");
  const std::string id = world.Begin(spec);
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  const Actor bob = MakePrincipal("bob", "", "unix:");
  const auto lock = world.deployments->BreakLock("web1", bob, "stuck");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(lock->deployment(), id);
  EXPECT_TRUE(absl::IsNotFound(world.deployments->BreakLock("web1", "bob", "").status()));
  world.agents.ClearFaults();
  world.agents.Release();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 SUCCEEDED", "web3 SUCCEEDED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("its lock was broken"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("bob"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("stuck"));
  EXPECT_THAT(done.hosts(0).remaining_actions(), ElementsAre("freeze"));
  EXPECT_EQ(done.hosts(0).steps(0).result(), v1::STEP_RESULT_FAILED) << "it is not under way";
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync"));
  ASSERT_THAT(done.events(), SizeIs(1));
  EXPECT_EQ(ReadActor(done.events(0)), bob);
  EXPECT_THAT(done.events(0).message(), HasSubstr("web1"));
}

TEST(DeploymentLocks, ALockBrokenDuringHealthChecksEndsThemAndTheirHostHasFailed) {
  RunWorld world({.hosts = 2, .hooks = true});
  world.checks.Add({.host = "web1", .kind = v1::RunCheckRequest::KIND_HEALTH, .hang = true});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_max_failures("1");
  const std::string id = world.Begin(spec);
  ASSERT_TRUE(world.checks.AwaitHeld(1));
  ASSERT_TRUE(world.locks->Break("web1", "bob", "stuck").ok());
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 SUCCEEDED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("its lock was broken"));
  EXPECT_THAT(world.hooks.asked(), Contains("post-healthchecks web1 [] failed"));
}

TEST(DeploymentLocks, ChecksThatSucceedOnAHostWhoseLockWasBrokenMeanwhileCountForNothing) {
  RunWorld world({.hosts = 1, .hooks = true});
  world.checks.Add({.kind = v1::RunCheckRequest::KIND_HEALTH, .hang = true, .deaf = true});
  const std::string id = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.checks.AwaitHeld(1));
  ASSERT_TRUE(world.locks->Break("web1", "bob", "stuck").ok());
  world.checks.Release();
  EXPECT_THAT(States(world.AwaitEnd(id)), ElementsAre("web1 FAILED"));
}

TEST(DeploymentLocks, ALockBrokenBeforeARestartStaysBroken) {
  RunWorld world({.hosts = 2});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "freeze"}, 2));
  ASSERT_TRUE(world.agents.AwaitHeld(2));
  ASSERT_TRUE(world.locks->Break("web1", "bob", "stuck").ok());
  world.Stop();
  world.agents.ClearFaults();
  const size_t before = world.agents.ActionsOn("web1:8004").size();
  world.Start();
  v1::Deployment done = world.AwaitEnd(id);
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 SUCCEEDED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("its lock was broken"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("bob"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), SizeIs(before));
  ASSERT_TRUE(world.deployments->Resume(id, "alice").ok());
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED") << "locked again";
}

TEST(DeploymentLocks, APlannerThatFindsItsLeaseEndedCallsNoAgentAnyMore) {
  FakeClock clock;
  RunWorld world({.hosts = 3, .clock = &clock});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  LoseLease(world, clock);
  world.agents.ClearFaults();
  world.agents.Release();
  const v1::Deployment done = AwaitEndInTime(world, clock, id);
  EXPECT_EQ(StateOf(done), "INTERRUPTED");
  EXPECT_THAT(done.message(), HasSubstr("lease"));
  EXPECT_THAT(world.agents.performed(), SizeIs(1)) << "only the one that was under way";
  EXPECT_THAT(States(done), ElementsAre("web1 STOPPED", "web2 PENDING", "web3 PENDING"));
  // Another planner continues it.
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync", "freeze"));
}

TEST(DeploymentLocks, ALeaseThatEndsInAPauseIsNoticedThen) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .clock = &clock});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_batch("1");
  spec.mutable_rollout()->mutable_pause_between()->set_seconds(360'000);
  const std::string id = world.Begin(spec);
  world.Await(id, [](const v1::Deployment& d) {
    return absl::StrContains(d.message(), "pauses after wave 1");
  });
  LoseLease(world, clock);
  const v1::Deployment done = AwaitEndInTime(world, clock, id);
  EXPECT_EQ(StateOf(done), "INTERRUPTED");
  EXPECT_THAT(done.message(), HasSubstr("lease ended"));
  EXPECT_THAT(States(done), ElementsAre("web1 SUCCEEDED", "web2 PENDING"));
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
}

TEST(DeploymentLocks, ACancelledDeploymentThatWaitsEndsWithoutHavingBegun) {
  RunWorld world({.hosts = 1});
  world.agents.Hold();
  const std::string first = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  const std::string second = world.Begin(SpecOf({"freeze"}));
  ASSERT_TRUE(world.deployments->Cancel(second, "bob", "").ok());
  const v1::Deployment done = world.AwaitEnd(second);
  EXPECT_EQ(StateOf(done), "CANCELLED");
  EXPECT_FALSE(done.has_start_time());
  EXPECT_THAT(States(done), ElementsAre("web1 PENDING"));
  world.agents.ClearFaults();
  world.agents.Release();
  world.AwaitEnd(first);
}

}  // namespace
}  // namespace gitops
