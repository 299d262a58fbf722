#include "services/planner/damage/damage.h"

#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "common/store/temp_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class DamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const v1::StepRecord step = StepOf(1);
    ASSERT_TRUE(records_.Create(EntryOf("d1"), HostsOf({"a"}), {v1::HookCall()}).ok());
    ASSERT_TRUE(records_.SaveHost("d1", 0, HostsOf({"a"})[0], &step).ok());
    held_ = *locks_.Acquire({.deployment = "d1", .actor = "mia", .hosts = {"a", "b"}});
    ASSERT_TRUE(locks_.Break("b", "noah", "stuck").ok());
  }

  Store& store() { return *temp_.store(); }
  std::vector<std::string> Found() {
    std::vector<std::string> keys;
    const auto found = *FindDamaged(store(), PlannerRecords(), [] { return false; });
    for (const auto& [key, kind] : found) keys.push_back(key);
    return keys;
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  TestRecords records_{temp_.store(), &clock_};
  HostLocks locks_{{.store = temp_.store(), .clock = &clock_, .planner = "p1"}};
  std::unique_ptr<HeldLocks> held_;
};

TEST_F(DamageTest, AStoreThatIsWholeHasNone) { EXPECT_THAT(Found(), IsEmpty()); }

TEST_F(DamageTest, EveryKindOfRecordIsFoundWhereItIsDamagedAndCanBeRemoved) {
  const std::vector<std::string> keys = {
      "planner/v1/deployment/d1", "planner/v1/host/d1/000000", "planner/v1/step/d1/000000/001",
      "planner/v1/call/d1/0000",  "planner/v1/lock/a",         "planner/v1/lockbroken/d1/b",
      "planner/v1/fencing",
  };
  for (const std::string& key : keys) {
    EXPECT_EQ(RemoveDamaged(store(), key).code(), absl::StatusCode::kFailedPrecondition);
    temp_.Damage(key);
    EXPECT_THAT(Found(), ElementsAre(key));
    EXPECT_TRUE(RemoveDamaged(store(), key).ok()) << key;
    EXPECT_THAT(Found(), IsEmpty());
    EXPECT_FALSE(RemoveDamaged(store(), key).ok());
  }
}

TEST_F(DamageTest, AHostThatIsRemovedKeepsItsPlaceAmongTheOthers) {
  ASSERT_TRUE(records_.Create(EntryOf("d2"), HostsOf({"a", "b", "c"}), {}).ok());
  temp_.Damage("planner/v1/host/d2/000001");
  ASSERT_TRUE(RemoveDamaged(store(), "planner/v1/host/d2/000001").ok());
  const v1::Deployment whole = *records_.Whole("d2");
  ASSERT_EQ(whole.hosts_size(), 3);
  EXPECT_THAT(whole.hosts(1).message(), HasSubstr("removed"));
  EXPECT_EQ(whole.hosts(2).host(), "c");
}

TEST_F(DamageTest, OnlyThePlannersRecordsCanBeRemoved) {
  for (const char* key : {"", "agent/v1/fencing", "planner/v1/", "planner/v1/other/x"}) {
    EXPECT_EQ(RemoveDamaged(store(), key).code(), absl::StatusCode::kFailedPrecondition) << key;
  }
}

TEST_F(DamageTest, WhatWasFoundIsCountedByKindUntilItIsGone) {
  EXPECT_THAT(CountDamaged(store(), PlannerRecords()), IsEmpty());
  temp_.Damage("planner/v1/lock/a");
  temp_.Damage("planner/v1/step/d1/000000/001");
  ASSERT_TRUE(locks_.List().ok());
  ASSERT_TRUE(records_.Whole("d1").ok());
  EXPECT_THAT(CountDamaged(store(), PlannerRecords()),
              UnorderedElementsAre(Pair("lock", 1), Pair("step", 1)));
  ASSERT_TRUE(locks_.Break("a", "noah", "").ok());
  const v1::StepRecord step = StepOf(1);
  ASSERT_TRUE(records_.SaveHost("d1", 0, HostsOf({"a"})[0], &step).ok());
  EXPECT_THAT(CountDamaged(store(), PlannerRecords()), IsEmpty());
}

TEST_F(DamageTest, ASearchEndsWhenItsCallerHasGone) {
  EXPECT_EQ(FindDamaged(store(), PlannerRecords(), [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace gitops
