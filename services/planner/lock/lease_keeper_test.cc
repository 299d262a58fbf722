#include "services/planner/lock/lease_keeper.h"

#include <atomic>
#include <chrono>

#include "common/clock/fake_clock.h"
#include "common/store/temp_store.h"
#include "common/testing/eventually.h"
#include "gtest/gtest.h"
#include "services/planner/lock/lock_testing.h"

namespace gitops {
namespace {

constexpr absl::Duration kTtl = absl::Seconds(30);

class LeaseKeeperTest : public ::testing::Test {
 protected:
  int64_t Granted() {
    const int64_t lease = *store_.GrantLease(kTtl);
    keeper_.Add(lease, clock_.SteadyNow());
    return lease;
  }
  // Moves the clock to the keeper's next turn, and waits until that is over.
  void Pass(absl::Duration time, int renewals) {
    const int before = store_.renewals();
    clock_.Advance(time);
    ASSERT_TRUE(Eventually([&] { return store_.renewals() >= before + renewals; }));
    // The keeper waits for its next turn again; the store's lease timer is the other waiter.
    ASSERT_TRUE(clock_.AwaitWaiters(2));
  }

  FakeClock clock_;
  TempStore temp_{&clock_};
  LeaseStore store_{temp_.store()};
  LeaseKeeper keeper_{&store_, &clock_, kTtl};
};

TEST_F(LeaseKeeperTest, LeasesOutliveTheirTtlAsLongAsTheyAreKept) {
  const int64_t first = Granted();
  const int64_t second = Granted();
  ASSERT_TRUE(clock_.AwaitWaiters(2));
  for (int i = 0; i < 9; ++i) Pass(kTtl / 3, 2);
  EXPECT_TRUE(keeper_.Confirm(first).ok());
  EXPECT_TRUE(keeper_.Confirm(second).ok());
  keeper_.Remove(first);
  for (int i = 0; i < 4; ++i) Pass(kTtl / 3, 1);
  EXPECT_EQ(store_.KeepLeaseAlive(first).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(keeper_.Confirm(first).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_.KeepLeaseAlive(second).ok());
}

TEST_F(LeaseKeeperTest, AFreshLeaseIsConfirmedWithoutAskingTheStore) {
  const int64_t lease = Granted();
  const int calls = store_.calls();
  EXPECT_TRUE(keeper_.Confirm(lease).ok());
  EXPECT_EQ(store_.calls(), calls);
}

TEST_F(LeaseKeeperTest, AfterALongStopTheStoreDecides) {
  const int64_t lease = Granted();
  clock_.Advance(kTtl);
  EXPECT_EQ(keeper_.Confirm(lease).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(keeper_.Confirm(lease).code(), absl::StatusCode::kNotFound) << "for good";
}

TEST_F(LeaseKeeperTest, AFailedRenewalIsRepeatedSoonEnoughToKeepTheLease) {
  const int64_t lease = Granted();
  ASSERT_TRUE(clock_.AwaitWaiters(2));
  store_.FailRenewals(true);
  Pass(kTtl / 3, 1);
  for (int i = 0; i < 6; ++i) Pass(kTtl / 12, 1);
  store_.FailRenewals(false);
  Pass(kTtl / 12, 1);
  clock_.Advance(kTtl / 12);
  EXPECT_TRUE(store_.KeepLeaseAlive(lease).ok());
}

TEST_F(LeaseKeeperTest, ALeaseThatCannotBeRenewedIsNotSaidToBeAlive) {
  const int64_t lease = Granted();
  store_.FailRenewals(true);
  clock_.Advance(kTtl);
  EXPECT_EQ(keeper_.Confirm(lease).code(), absl::StatusCode::kUnavailable);
}

TEST_F(LeaseKeeperTest, ALeaseWhoseRenewalFailsForGoodIsGivenUpAtOnce) {
  const int64_t lease = Granted();
  std::atomic<int> ended = 0;
  keeper_.WhenEnded(lease, [&] { ++ended; });
  ASSERT_TRUE(clock_.AwaitWaiters(2));
  store_.FailRenewals(true, absl::DataLossError("the database is damaged"));
  clock_.Advance(kTtl / 3);
  EXPECT_TRUE(Eventually([&] { return ended == 1; })) << "long before its end";
  store_.FailRenewals(false);
  EXPECT_EQ(keeper_.Confirm(lease).code(), absl::StatusCode::kNotFound) << "for good";
}

TEST_F(LeaseKeeperTest, SettingTheWallClockEndsNoLease) {
  const int64_t first = Granted();
  ASSERT_TRUE(clock_.AwaitWaiters(2));
  clock_.SetTime(clock_.Now() - absl::Hours(1));
  const int64_t second = Granted();
  clock_.SetTime(clock_.Now() + absl::Hours(48));
  ASSERT_TRUE(clock_.AwaitWaiters(2));
  for (int i = 0; i < 6; ++i) Pass(kTtl / 3, 2);
  EXPECT_TRUE(store_.KeepLeaseAlive(first).ok());
  EXPECT_TRUE(store_.KeepLeaseAlive(second).ok());
}

}  // namespace
}  // namespace gitops
