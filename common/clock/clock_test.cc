#include "common/clock/clock.h"

#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

TEST(SystemClockTest, TellsTheTime) {
  const absl::Time before = absl::Now();
  const absl::Time now = Clock::System()->Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
}

TEST(SystemClockTest, SteadyTimeGrowsAndItsBootIsKnown) {
  const SteadyTime before = Clock::System()->SteadyNow();
  EXPECT_GT(before, SteadyTime());
  EXPECT_GE(Clock::System()->SteadyNow(), before);
  EXPECT_FALSE(Clock::System()->BootId().empty());
}

TEST(SystemClockTest, AWaitUntilASteadyDeadlineEndsThereAndSaysSo) {
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  const SteadyTime deadline = Clock::System()->SteadyNow() + absl::Milliseconds(5);
  while (Clock::System()->WaitUntil(mutex, condition, deadline)) {
  }
  EXPECT_GE(Clock::System()->SteadyNow(), deadline);
}

TEST(SystemClockTest, IsOneForTheProcess) {
  ASSERT_NE(Clock::System(), nullptr);
  EXPECT_EQ(Clock::System(), Clock::System());
}

TEST(SystemClockTest, WaitEndsAtItsDeadlineAndSaysSo) {
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  const absl::Time start = absl::Now();
  while (Clock::System()->WaitUntil(mutex, condition, start + absl::Milliseconds(5))) {
  }
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(4));
}

TEST(SystemClockTest, ADeadlineThatHasPassedEndsAtOnce) {
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  EXPECT_FALSE(Clock::System()->WaitUntil(mutex, condition, absl::InfinitePast()));
  EXPECT_FALSE(Clock::System()->WaitUntil(mutex, condition, absl::UnixEpoch()));
}

struct Flag {
  Mutex mutex;
  CondVar changed;
  bool set ABSL_GUARDED_BY(mutex) = false;
};

TEST(SystemClockTest, ANotificationWakesWhateverTheDeadline) {
  for (const absl::Time deadline :
       {absl::Now() + absl::Hours(1), absl::Now() + absl::Hours(24 * 365 * 1000),
        absl::InfiniteFuture()}) {
    Flag flag;
    std::thread setter([&] {
      MutexLock lock(flag.mutex);
      flag.set = true;
      flag.changed.NotifyAll();
    });
    bool in_time = true;
    {
      MutexLock lock(flag.mutex);
      while (!flag.set && in_time) {
        in_time = Clock::System()->WaitUntil(flag.mutex, flag.changed, deadline);
      }
    }
    setter.join();
    EXPECT_TRUE(in_time) << deadline;
  }
}

}  // namespace
}  // namespace gitops
