#include "services/planner/rpc/watches.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "common/clock/fake_clock.h"

namespace gitops {
namespace {

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
  ASSERT_NO_FATAL_FAILURE(Pass(kLongestWrite - absl::Seconds(5)));
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
  ASSERT_NO_FATAL_FAILURE(Pass(2 * kLongestWrite));
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
