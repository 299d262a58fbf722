#include "common/clock/fake_clock.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace gitops {
namespace {

// Something that waits as our loops do: until told, or a time.
class Sleeper {
 public:
  Sleeper(Clock* clock, absl::Time deadline)
      : clock_(clock), deadline_(deadline), thread_([this] { Run(); }) {}
  ~Sleeper() {
    if (thread_.joinable()) thread_.join();
  }

  void Tell() {
    MutexLock lock(mutex_);
    told_ = true;
    changed_.NotifyAll();
  }
  // Whether it was the deadline that ended it; waits for the end.
  bool TimedOut() {
    thread_.join();
    MutexLock lock(mutex_);
    return timed_out_;
  }

 private:
  void Run() {
    MutexLock lock(mutex_);
    while (!told_ && !timed_out_) timed_out_ = !clock_->WaitUntil(mutex_, changed_, deadline_);
  }

  Clock* const clock_;
  const absl::Time deadline_;
  Mutex mutex_;
  CondVar changed_;
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  bool timed_out_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

TEST(FakeClockTest, StandsStillUntilMoved) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(absl::Hours(2));
  EXPECT_EQ(clock.Now(), start + absl::Hours(2));
  clock.SetTime(start - absl::Hours(1));
  EXPECT_EQ(clock.Now(), start - absl::Hours(1));
}

TEST(FakeClockTest, AdvancingToTheDeadlineWakes) {
  FakeClock clock;
  Sleeper sleeper(&clock, clock.Now() + absl::Hours(1));
  ASSERT_TRUE(clock.AwaitWaiters(1));
  clock.Advance(absl::Hours(1));
  EXPECT_TRUE(sleeper.TimedOut());
  EXPECT_EQ(clock.waiters(), 0);
}

TEST(FakeClockTest, ADeadlineAheadKeepsWaiting) {
  FakeClock clock;
  Sleeper sleeper(&clock, clock.Now() + absl::Hours(1));
  ASSERT_TRUE(clock.AwaitWaiters(1));
  clock.Advance(absl::Hours(1) - absl::Nanoseconds(1));
  EXPECT_EQ(clock.waiters(), 1);
  sleeper.Tell();
  EXPECT_FALSE(sleeper.TimedOut());
}

TEST(FakeClockTest, ANotificationIsNoTimeout) {
  FakeClock clock;
  Sleeper sleeper(&clock, absl::InfiniteFuture());
  ASSERT_TRUE(clock.AwaitWaiters(1));
  clock.Advance(absl::Hours(1000000));
  EXPECT_EQ(clock.waiters(), 1);
  sleeper.Tell();
  EXPECT_FALSE(sleeper.TimedOut());
}

TEST(FakeClockTest, ADeadlineThatHasPassedDoesNotWait) {
  FakeClock clock;
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  EXPECT_FALSE(clock.WaitUntil(mutex, condition, clock.Now()));
}

TEST(FakeClockTest, AwaitWaitersSaysWhenTheyDoNotCome) {
  FakeClock clock;
  EXPECT_FALSE(clock.AwaitWaiters(1, std::chrono::milliseconds(5)));
  Sleeper sleeper(&clock, clock.Now() + absl::Hours(1));
  EXPECT_TRUE(clock.AwaitWaiters(1));
  EXPECT_FALSE(clock.AwaitWaiters(2, std::chrono::milliseconds(5)));
  clock.Advance(absl::Hours(1));
}

TEST(FakeClockTest, AwaitDeadlineTellsTheNextRoundFromTheLast) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  Mutex mutex;
  CondVar condition;
  std::thread loop([&] {
    MutexLock lock(mutex);
    for (int round = 1; round <= 3; ++round) {
      while (clock.WaitUntil(mutex, condition, start + round * absl::Minutes(1))) {
      }
    }
  });
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(clock.AwaitDeadline(start + round * absl::Minutes(1)));
    EXPECT_FALSE(
        clock.AwaitDeadline(start + (round + 1) * absl::Minutes(1), std::chrono::milliseconds(1)));
    clock.Advance(absl::Minutes(1));
  }
  loop.join();
}

TEST(FakeClockTest, AwaitDeadlineByTellsWhatTheTimeMustBe) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  Sleeper late(&clock, start + absl::Hours(2));
  Sleeper early(&clock, start + absl::Hours(1));
  ASSERT_TRUE(clock.AwaitWaiters(2));
  EXPECT_EQ(clock.AwaitDeadlineBy(start + absl::Hours(3)), start + absl::Hours(1));
  EXPECT_EQ(clock.AwaitDeadlineBy(start + absl::Minutes(1), std::chrono::milliseconds(5)),
            absl::InfiniteFuture());
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(clock.AwaitDeadlineBy(start + absl::Hours(3)), start + absl::Hours(2));
  clock.Advance(absl::Hours(1));
}

// The waiter's mutex and condition are gone as soon as it has woken; a waker that still used them,
// or one that missed a waiter about to block, shows here and under the sanitizers.
TEST(FakeClockTest, ManyWaitersComeAndGoWhileTimeMoves) {
  FakeClock clock;
  const absl::Time end = clock.Now() + absl::Seconds(300);
  std::atomic<int> running = 4;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&clock, &running, i, end] {
      while (clock.Now() < end) {
        auto mutex = std::make_unique<Mutex>();
        auto condition = std::make_unique<CondVar>();
        Mutex& held = *mutex;
        MutexLock lock(held);
        clock.WaitUntil(held, *condition, clock.Now() + absl::Seconds(1 + i));
      }
      --running;
    });
  }
  std::vector<std::thread> movers;
  for (int i = 0; i < 2; ++i) {
    movers.emplace_back([&clock, &running] {
      while (running > 0) clock.Advance(absl::Seconds(1));
    });
  }
  for (std::thread& mover : movers) mover.join();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clock.waiters(), 0);
}

}  // namespace
}  // namespace gitops
