#include "common/rpc/watches.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "common/clock/fake_clock.h"
#include "gmock/gmock.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

TEST(ChangesTest, ChangesThatAreNotUrgentAreHeldBackAfterTheLast) {
  constexpr std::chrono::milliseconds kGather(30);
  Changes<int> changes(kGather);
  changes.Add(1, /*revision=*/1, /*urgent=*/false);
  EXPECT_THAT(changes.Next(), ElementsAre(1)) << "the first is told at once";
  const auto taken = std::chrono::steady_clock::now();
  changes.Add(1, 2, false);
  changes.Add(2, 3, false);
  changes.Add(1, 4, false);
  int64_t revision = 0;
  EXPECT_THAT(changes.Next(&revision), ElementsAre(1, 2));
  EXPECT_EQ(revision, 4);
  EXPECT_GE(std::chrono::steady_clock::now() - taken, kGather - std::chrono::milliseconds(1));
}

TEST(ChangesTest, TheFirstOnesAreHeldBackTooAfterAllWasTold) {
  constexpr std::chrono::milliseconds kGather(30);
  Changes<int> changes(kGather);
  changes.Told();
  const auto told = std::chrono::steady_clock::now();
  changes.Add(1, 1, false);
  EXPECT_THAT(changes.Next(), ElementsAre(1));
  EXPECT_GE(std::chrono::steady_clock::now() - told, kGather - std::chrono::milliseconds(1));
}

TEST(ChangesTest, AnUrgentChangeTakesTheOthersWithIt) {
  Changes<int> changes(std::chrono::hours(1));
  changes.Add(1, 1, false);
  EXPECT_THAT(changes.Next(), ElementsAre(1));
  changes.Add(2, 2, false);
  changes.Add(-1, 3, true);
  EXPECT_THAT(changes.Next(), ElementsAre(-1, 2));
  changes.Add(3, 4, false);
  changes.Close();
  EXPECT_THAT(changes.Next(), ElementsAre(3)) << "closing ends the wait";
}

// A peer that reads nothing until it is cancelled.
class Stalled {
 public:
  Watches::Watcher watcher() {
    return {.close = [] {}, .cancel = [this] { Cancel(); }};
  }
  bool Write() {
    MutexLock lock(mutex_);
    writing_ = true;
    changed_.NotifyAll();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!cancelled_ && changed_.WaitUntil(mutex_, limit)) {
    }
    return false;
  }
  void AwaitWriting() {
    MutexLock lock(mutex_);
    while (!writing_) changed_.Wait(mutex_);
  }
  bool cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

 private:
  void Cancel() {
    MutexLock lock(mutex_);
    cancelled_ = true;
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

class WatchesTest : public testing::Test {
 protected:
  // Time passes, and it was looked at.
  void Pass(absl::Duration duration) {
    for (const absl::Time end = clock_.Now() + duration; clock_.Now() < end;) {
      ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(1)));
      clock_.Advance(absl::Seconds(1));
    }
    ASSERT_TRUE(clock_.AwaitDeadline(clock_.Now() + absl::Seconds(1)));
  }

  FakeClock clock_;
  Watches watches_{1, absl::ResourceExhaustedError("full"), &clock_};
};

TEST_F(WatchesTest, AWatcherThatTakesNothingForAMinuteLosesItsPlace) {
  Stalled peer;
  auto done = std::async(std::launch::async, [&] {
    const auto place = *watches_.Enter(peer.watcher());
    return place->Write([&] { return peer.Write(); });
  });
  peer.AwaitWriting();
  ASSERT_NO_FATAL_FAILURE(Pass(kMaxWrite - absl::Seconds(5)));
  EXPECT_FALSE(peer.cancelled());
  EXPECT_EQ(watches_.Enter({}).status(), absl::ResourceExhaustedError("full"));
  clock_.Advance(absl::Seconds(10));
  EXPECT_FALSE(done.get());
  EXPECT_TRUE(peer.cancelled());
  EXPECT_TRUE(watches_.Enter({.close = [] {}, .cancel = [] {}}).ok());
}

TEST_F(WatchesTest, AWatcherThatHasNothingToWriteKeepsItsPlace) {
  Stalled peer;
  const auto place = *watches_.Enter(peer.watcher());
  EXPECT_TRUE(place->Write([] { return true; }));
  ASSERT_NO_FATAL_FAILURE(Pass(2 * kMaxWrite));
  EXPECT_FALSE(peer.cancelled());
}

TEST_F(WatchesTest, ClosingEndsAllAndRefusesMore) {
  int closed = 0;
  const auto place = *watches_.Enter({.close = [&] { ++closed; }, .cancel = [] {}});
  watches_.Close();
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(watches_.Enter({}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gitops
