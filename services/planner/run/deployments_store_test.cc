#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "services/planner/run/run_testing.h"

// What becomes of deployments when the store fails.
namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Where the store fails: while locks are taken, while a host's progress is stored.
class StoreErrors : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Where, StoreErrors,
                         ::testing::Values("planner/v1/fencing", "planner/v1/step/"));

void ExpectEndedAndFree(RunWorld& world, const v1::Deployment& ended) {
  EXPECT_EQ(StateOf(ended), "FAILED");
  EXPECT_THAT(ended.message(), HasSubstr("the disk is worn out"));
  EXPECT_THAT(*world.temp.store()->List("planner/v1/lock/"), IsEmpty());
  world.faulty.Heal();
  EXPECT_EQ(StateOf(world.Run(SpecOf({"sync"}))), "SUCCEEDED");
}

TEST_P(StoreErrors, OneThatDoesNotPassEndsTheDeploymentWithTheReasonAndGivesItsLocksBack) {
  RunWorld world({.hosts = 2});
  world.faulty.FailKeys(GetParam(), absl::DataLossError("the disk is worn out"));
  ExpectEndedAndFree(world, world.AwaitEnd(world.Begin(SpecOf({"sync"}))));
}

TEST(StoreError, OneThatDoesNotPassWhileALockIsCheckedEndsTheDeploymentToo) {
  RunWorld world({.hosts = 2});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.faulty.FailKeys("planner/v1/lock/", absl::DataLossError("the disk is worn out"));
  world.agents.Release();
  ExpectEndedAndFree(world, world.AwaitEnd(id));
}

TEST(StoreError, OneThatPassesIsWaitedFor) {
  RunWorld world({.hosts = 2});
  world.faulty.FailKeys("planner/v1/step/", absl::UnavailableError("the disk is full"));
  const std::string id = world.Begin(SpecOf({"sync"}));
  world.Await(id, [&](const v1::Deployment&) {
    return absl::StrContains(world.deployments->Trouble(id), "the disk is full");
  });
  world.faulty.Heal();
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
}

TEST(DamagedRecords, ADeploymentWhoseHostsCannotBeReadEndsAndOthersGoOn) {
  RunWorld world({.hosts = 2});
  world.agents.Hold("sync");
  const std::string damaged = world.Begin(world.MakePlan(SpecOf({"sync"}), 1, 1));
  const std::string whole = world.Begin(world.MakePlan(SpecOf({"sync"}), 2, 2));
  ASSERT_TRUE(world.agents.AwaitHeld(2));
  world.Stop();
  world.temp.Damage("planner/v1/host/" + damaged + "/000000");
  world.agents.ClearFaults();
  world.Start();
  const v1::Deployment ended = world.AwaitEnd(damaged);
  EXPECT_EQ(StateOf(ended), "FAILED");
  EXPECT_THAT(ended.message(), HasSubstr("planner/v1/host/"));
  EXPECT_EQ(StateOf(world.AwaitEnd(whole)), "SUCCEEDED");
}

}  // namespace
}  // namespace gitops
