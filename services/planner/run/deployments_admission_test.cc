// Which deployments begin, and what is stored of those that do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/eventually.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Admission, MoreDeploymentsThanMayRunAreRefusedUntilOneHasEnded) {
  RunWorld world({.hosts = 2, .most_deployments = 3});
  world.agents.Hold("sync");
  const v1::Plan plan = world.MakePlan(SpecOf({"sync"}), 1, 1);
  const std::string first = world.Begin(plan);
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  // One that waits for a lock has not ended either.
  world.Begin(plan);
  const std::string third = world.Begin(world.MakePlan(SpecOf({"freeze"}), 2, 2));
  world.AwaitEnd(third);
  // Its place is free a moment after its end can be read.
  std::string fourth;
  ASSERT_TRUE(Eventually([&] {
    const auto begun = world.deployments->Begin(RunWorld::New(plan));
    if (begun.ok()) fourth = begun->id();
    return begun.ok();
  }));
  for (const absl::Status& refused : {world.deployments->Begin(RunWorld::New(plan)).status(),
                                      world.deployments->Resume(third, "bob").status()}) {
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused.ToString();
  }
  ASSERT_TRUE(world.deployments->Cancel(fourth, "bob", "").ok());
  EXPECT_TRUE(Eventually([&] { return world.deployments->Begin(RunWorld::New(plan)).ok(); }));
  world.agents.ClearFaults();
  world.agents.Release();
}

TEST(Admission, NothingIsChangedBeforeWhatWasLeftIsTakenUp) {
  RunWorld world({.hosts = 1});
  world.Stop();
  world.locks = std::make_unique<HostLocks>(
      LockOptions{.store = &world.store, .clock = world.clock, .planner = "planner-1"});
  world.deployments = NewDeployments(world.RunOptions());
  const Deployments::NewDeployment deployment = RunWorld::New(world.MakePlan(SpecOf({"sync"})));
  for (const absl::Status& refused : {world.deployments->Begin(deployment).status(),
                                      world.deployments->Cancel("D1", "bob", "").status(),
                                      world.deployments->Resume("D1", "bob").status(),
                                      world.deployments->BreakLock("web1", "bob", "").status()}) {
    EXPECT_TRUE(absl::IsUnavailable(refused)) << refused.ToString();
  }
  ASSERT_TRUE(world.deployments->Recover().ok());
  EXPECT_TRUE(world.deployments->Begin(deployment).ok());
}

class NotBegun : public ::testing::Test {
 protected:
  // Calls two hooks, then plans `plan`.
  static Deployments::NewDeployment Asked(const absl::StatusOr<v1::Plan>& plan) {
    Deployments::NewDeployment deployment;
    deployment.actor = "alice";
    deployment.spec = SpecOf({"sync", "reboot"});
    deployment.plan = [plan](const std::string&, std::vector<v1::HookCall>* calls) {
      calls->resize(2);
      return plan;
    };
    return deployment;
  }
  // The record of a deployment that was refused.
  v1::Deployment Kept(const absl::Status& refused) {
    const auto kept = *world_.records.List("", 10);
    EXPECT_FALSE(kept.empty());
    if (kept.empty()) return {};
    EXPECT_THAT(std::string(refused.message()), HasSubstr(kept[0].id()));
    EXPECT_EQ(StateOf(kept[0]), "FAILED");
    EXPECT_EQ(kept[0].actor(), "alice");
    EXPECT_EQ(kept[0].host_count(), 0);
    EXPECT_THAT(*world_.records.SelectCalls(kept[0].id()), SizeIs(2));
    EXPECT_TRUE(absl::IsFailedPrecondition(world_.deployments->Resume(kept[0].id(), "").status()));
    return kept[0];
  }

  RunWorld world_{{.hosts = 1}};
};

TEST_F(NotBegun, ADeploymentThatCannotBePlannedKeepsItsSpecAndTheCallsOfItsHooks) {
  const auto stale = world_.deployments->Begin(Asked(absl::FailedPreconditionError("it moved")));
  EXPECT_TRUE(absl::IsFailedPrecondition(stale.status()));
  const v1::Deployment kept = Kept(stale.status());
  EXPECT_THAT(kept.message(), HasSubstr("it did not begin: it moved"));
  EXPECT_THAT(kept.spec().actions(), ElementsAre("sync", "reboot"));
}

TEST_F(NotBegun, ADeploymentWhoseHostIsLockedKeepsItsSpecAndTheCallsOfItsHooks) {
  const auto held = world_.locks->Acquire({.deployment = "D9", .actor = "bob", .hosts = {"web1"}});
  ASSERT_TRUE(held.ok());
  Deployments::NewDeployment deployment = Asked(world_.MakePlan(SpecOf({"sync", "reboot"})));
  deployment.no_wait = true;
  const auto locked = world_.deployments->Begin(deployment);
  EXPECT_TRUE(absl::IsFailedPrecondition(locked.status()));
  const v1::Deployment kept = Kept(locked.status());
  EXPECT_THAT(kept.message(), HasSubstr("it did not begin: "));
  EXPECT_THAT(kept.spec().actions(), ElementsAre("sync", "reboot"));
}

TEST_F(NotBegun, ADeploymentThatCalledNoHookLeavesNothing) {
  Deployments::NewDeployment deployment;
  deployment.plan = [](const std::string&, std::vector<v1::HookCall>*) {
    return absl::NotFoundError("no such host");
  };
  EXPECT_TRUE(absl::IsNotFound(world_.deployments->Begin(deployment).status()));
  EXPECT_THAT(*world_.records.List("", 10), IsEmpty());
}

}  // namespace
}  // namespace gitops
