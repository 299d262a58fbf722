#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Asks before each write, counted from 1, whether it may be made.
class InterposedStore : public FaultyStore {
 public:
  InterposedStore(Store* store, std::function<absl::Status(int write)> before)
      : FaultyStore(store), before_(std::move(before)) {}
  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) override {
    if (absl::Status status = before_(++writes_); !status.ok()) return status;
    return FaultyStore::Write(writes);
  }

 private:
  const std::function<absl::Status(int write)> before_;
  int writes_ = 0;
};

class PruneTest : public ::testing::Test {
 protected:
  // With a host, a step and a call each. The id is of the time at which it is made.
  std::string Add(v1::DeploymentState state, absl::Duration ended_ago) {
    const std::string id = deployments_.NewDeploymentId();
    DeploymentRecord entry = EndedEntry(id, clock_.Now() - ended_ago);
    entry.deployment.set_state(state);
    EXPECT_TRUE(deployments_.Create(entry, HostsOf({"a"}), {v1::HookCall()}).ok());
    const v1::StepRecord step = StepOf(1);
    EXPECT_TRUE(deployments_.SaveHost(id, 0, HostsOf({"a"})[0], &step).ok());
    return id;
  }

  std::vector<std::string> Kept() {
    std::vector<std::string> ids;
    const std::vector<v1::Deployment> all = *deployments_.List("", 1000);
    for (const v1::Deployment& deployment : all) {
      ids.push_back(deployment.id());
    }
    return ids;
  }

  std::vector<std::string> Keys() {
    std::vector<std::string> keys;
    const std::vector<StoredValue> all = *store_.List("planner/v1/");
    for (const StoredValue& value : all) keys.push_back(value.key);
    return keys;
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  FaultyStore store_{temp_.store()};
  TestRecords deployments_{&store_, &clock_};
};

TEST_F(PruneTest, TheNewestAreKeptAndOfTheOthersNothingIsLeft) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Add(v1::DEPLOYMENT_STATE_SUCCEEDED, absl::Hours(1)));
  EXPECT_EQ(*deployments_.Prune({.count = 2}), 3);
  EXPECT_THAT(Kept(), ElementsAre(ids[4], ids[3]));
  EXPECT_THAT(Keys(), SizeIs(2 * 4));
  EXPECT_EQ(*deployments_.Prune({.count = 2}), 0);
}

TEST_F(PruneTest, ThoseThatEndedTooLongAgoGoHoweverFewTheyAre) {
  const std::string old = Add(v1::DEPLOYMENT_STATE_FAILED, absl::Hours(25));
  const std::string young = Add(v1::DEPLOYMENT_STATE_FAILED, absl::Hours(23));
  EXPECT_EQ(*deployments_.Prune({.count = 1000, .age = absl::Hours(24)}), 1);
  EXPECT_THAT(Kept(), ElementsAre(young));
}

TEST_F(PruneTest, OneThatHasNotEndedIsAlwaysKept) {
  const std::string running = Add(v1::DEPLOYMENT_STATE_RUNNING, absl::Hours(1000));
  const std::string pending = Add(v1::DEPLOYMENT_STATE_PENDING, absl::Hours(1000));
  Add(v1::DEPLOYMENT_STATE_INTERRUPTED, absl::Hours(1000));
  EXPECT_EQ(*deployments_.Prune({.count = 0, .age = absl::Seconds(1)}), 1);
  EXPECT_THAT(Kept(), ElementsAre(pending, running));
}

TEST_F(PruneTest, OneThatIsResumedMeanwhileIsKeptWhole) {
  const std::string id = Add(v1::DEPLOYMENT_STATE_FAILED, absl::Hours(1));
  InterposedStore store(temp_.store(), [&](int write) {
    if (write == 1) EXPECT_TRUE(deployments_.Save(EntryOf(id)).ok());
    return absl::OkStatus();
  });
  EXPECT_EQ(*DeploymentStore(&store, &clock_).Prune({.count = 0}), 0);
  EXPECT_EQ(deployments_.Whole(id)->hosts(0).steps_size(), 1);
}

TEST_F(PruneTest, OneThatIsRemovedMeanwhileIsNotSavedAnew) {
  const std::string id = Add(v1::DEPLOYMENT_STATE_FAILED, absl::Hours(1));
  InterposedStore store(temp_.store(), [&](int write) {
    if (write == 1) EXPECT_EQ(*deployments_.Prune({.count = 0}), 1);
    return absl::OkStatus();
  });
  EXPECT_EQ(DeploymentStore(&store, &clock_).Save(EntryOf(id)).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Keys(), IsEmpty());
}

TEST_F(PruneTest, WhatAPruneLeftThatDidNotComeToItsEndIsRemovedByTheNext) {
  for (int broken = 1; broken <= 4; ++broken) {
    Add(v1::DEPLOYMENT_STATE_SUCCEEDED, absl::Hours(2));
    clock_.Advance(absl::Hours(2));
    store_.FailNthWrite(broken);
    EXPECT_EQ(deployments_.Prune({.count = 0}).status().code(), absl::StatusCode::kUnavailable);
    if (broken > 1) EXPECT_THAT(Kept(), IsEmpty()) << "never half a deployment";
    store_.Heal();
    EXPECT_TRUE(deployments_.Prune({.count = 0}).ok());
    EXPECT_THAT(Keys(), IsEmpty()) << broken;
  }
}

TEST_F(PruneTest, ACreationThatFailedInItsMidstLeavesNothing) {
  const std::string id = deployments_.NewDeploymentId();
  store_.FailNthWrite(3);
  EXPECT_EQ(deployments_.Create(EntryOf(id), HostsNamed(12'000), {}).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_GE(store_.writes(), 3);
  EXPECT_THAT(Keys(), IsEmpty());
  EXPECT_TRUE(deployments_.Create(EntryOf(id), HostsNamed(12'000), {}).ok());
  EXPECT_THAT(*deployments_.LoadHosts(id), SizeIs(12'000));
}

TEST_F(PruneTest, WhatACreationLeftThatWasKilledIsInvisibleAndRemovedAfterAnHour) {
  const std::string other = Add(v1::DEPLOYMENT_STATE_RUNNING, absl::ZeroDuration());
  const std::string id = deployments_.NewDeploymentId();
  InterposedStore killed(temp_.store(), [](int write) {
    return write < 3 ? absl::OkStatus() : absl::UnavailableError("killed");
  });
  ASSERT_EQ(DeploymentStore(&killed, &clock_).Create(EntryOf(id), HostsNamed(10'000), {}).code(),
            absl::StatusCode::kUnavailable);
  const size_t left = Keys().size();
  EXPECT_GT(left, 1000u);
  EXPECT_THAT(Kept(), ElementsAre(other));
  EXPECT_EQ(deployments_.Whole(id).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*deployments_.Prune({}), 0);
  EXPECT_THAT(Keys(), SizeIs(left)) << "it may be being created now";
  clock_.Advance(absl::Hours(1) + absl::Seconds(1));
  EXPECT_EQ(*deployments_.Prune({}), 0);
  EXPECT_THAT(Keys(), SizeIs(4));
  EXPECT_EQ(deployments_.Whole(other)->hosts(0).steps_size(), 1);
}

TEST_F(PruneTest, ADamagedEntryIsKeptWithItsPartsAndTheOthersArePruned) {
  const std::string damaged = Add(v1::DEPLOYMENT_STATE_SUCCEEDED, absl::Hours(1));
  Add(v1::DEPLOYMENT_STATE_SUCCEEDED, absl::Hours(1));
  const std::string key = absl::StrCat("planner/v1/deployment/", damaged);
  ASSERT_TRUE(store_.Put(key, "\xff\xff").ok());
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(*deployments_.Prune({.count = 0}), 1);
  EXPECT_THAT(Keys(), SizeIs(4));
  ASSERT_TRUE(store_.Delete(key).ok());
  EXPECT_EQ(*deployments_.Prune({.count = 0}), 0);
  EXPECT_THAT(Keys(), IsEmpty()) << "the parts go when the damaged entry was removed";
}

TEST_F(PruneTest, PlansGoWhenTheyHaveExpired) {
  v1::Plan plan;
  plan.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 60);
  ASSERT_TRUE(deployments_.SavePlan(plan).ok());
  const std::string lasting = *deployments_.SavePlan({});
  ASSERT_TRUE(store_.Put("planner/v1/plan/damaged", "\xff\xff").ok());
  TestRecords restarted(&store_, &clock_);
  EXPECT_EQ(*restarted.Prune({}), 0);
  EXPECT_THAT(Keys(), SizeIs(2)) << "a damaged plan is of no use";
  clock_.Advance(absl::Seconds(60));
  EXPECT_EQ(*restarted.Prune({}), 0);
  EXPECT_THAT(Keys(), ElementsAre(absl::StrCat("planner/v1/plan/", lasting)));
}

}  // namespace
}  // namespace gitops
