#include "common/schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "common/sync/mutex.h"
#include "common/sync/start_thread.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using testing::ElementsAre;

class SchedulerTest : public testing::Test {
 protected:
  // A job that notes its name, and is next run when `next` says.
  std::function<absl::Time()> Noting(std::string name, std::function<absl::Time()> next) {
    return [this, name = std::move(name), next = std::move(next)] {
      {
        MutexLock lock(mutex_);
        ran_.push_back(name);
        changed_.NotifyAll();
        while (held_) changed_.Wait(mutex_);
      }
      return next();
    };
  }
  static absl::Time Never() { return absl::InfiniteFuture(); }

  void Hold(bool held) {
    MutexLock lock(mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  bool AwaitRuns(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    MutexLock lock(mutex_);
    while (ran_.size() < count && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
    }
    return ran_.size() >= count;
  }
  std::vector<std::string> Ran() {
    MutexLock lock(mutex_);
    return ran_;
  }

  FakeClock clock_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> ran_ ABSL_GUARDED_BY(mutex_);
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(SchedulerTest, AJobRunsWhenItIsDueAndThenWhenItSaid) {
  auto scheduler = NewScheduler(&clock_, 4);
  const absl::Time start = clock_.Now();
  auto job = scheduler->Add(start + absl::Seconds(10),
                            Noting("a", [start] { return start + absl::Seconds(70); }));
  ASSERT_TRUE(clock_.AwaitDeadline(start + absl::Seconds(10)));
  clock_.Advance(absl::Seconds(9));
  EXPECT_TRUE(Ran().empty());
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(AwaitRuns(1));
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(Ran().size(), 1u);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(AwaitRuns(2));
}

TEST_F(SchedulerTest, AClockThatIsSetChangesNoWait) {
  auto scheduler = NewScheduler(&clock_, 4);
  const absl::Time start = clock_.Now();
  auto job = scheduler->Add(start + absl::Seconds(10), Noting("a", Never));
  ASSERT_TRUE(clock_.AwaitDeadline(start + absl::Seconds(10)));
  clock_.SetTime(start + absl::Hours(1));
  auto after = scheduler->Add(clock_.Now() + absl::Seconds(20), Noting("b", Never));
  clock_.SetTime(start - absl::Hours(1));
  // Has the thread look at the time.
  auto wakes = scheduler->Add(clock_.Now(), Noting("c", Never));
  ASSERT_TRUE(AwaitRuns(1));
  EXPECT_THAT(Ran(), ElementsAre("c")) << "forward: nothing is due earlier";
  clock_.Advance(absl::Seconds(10));
  ASSERT_TRUE(AwaitRuns(2)) << "back: nothing is due later";
  clock_.Advance(absl::Seconds(10));
  ASSERT_TRUE(AwaitRuns(3));
  EXPECT_THAT(Ran(), ElementsAre("c", "a", "b"));
}

TEST_F(SchedulerTest, AJobWithoutATimeRunsWhenItIsWoken) {
  auto scheduler = NewScheduler(&clock_, 4);
  auto job = scheduler->Add(absl::InfiniteFuture(), Noting("a", Never));
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  clock_.Advance(absl::Hours(1000));
  EXPECT_TRUE(Ran().empty());
  job->Wake();
  EXPECT_TRUE(AwaitRuns(1));
}

TEST_F(SchedulerTest, WakesDuringARunMakeOneMore) {
  auto scheduler = NewScheduler(&clock_, 4);
  Hold(true);
  auto job = scheduler->Add(clock_.Now(), Noting("a", Never));
  ASSERT_TRUE(AwaitRuns(1));
  for (int i = 0; i < 5; ++i) job->Wake();
  EXPECT_EQ(Ran().size(), 1u) << "never twice at a time";
  Hold(false);
  ASSERT_TRUE(AwaitRuns(2));
  job.reset();
  EXPECT_EQ(Ran().size(), 2u);
}

TEST_F(SchedulerTest, ASlowJobHoldsNobodyUpWhileThereAreThreads) {
  auto scheduler = NewScheduler(&clock_, 2);
  Hold(true);
  auto slow = scheduler->Add(clock_.Now(), Noting("slow", Never));
  ASSERT_TRUE(AwaitRuns(1));
  auto other = scheduler->Add(clock_.Now(), Noting("other", Never));
  EXPECT_TRUE(AwaitRuns(2));
  Hold(false);
}

TEST_F(SchedulerTest, WithAllThreadsBusyTheLongestDueComesFirst) {
  auto scheduler = NewScheduler(&clock_, 1);
  Hold(true);
  auto busy = scheduler->Add(clock_.Now(), Noting("busy", Never));
  ASSERT_TRUE(AwaitRuns(1));
  const absl::Time now = clock_.Now();
  auto late = scheduler->Add(now - absl::Seconds(1), Noting("late", Never));
  auto later = scheduler->Add(now - absl::Seconds(3), Noting("latest", Never));
  EXPECT_EQ(Ran().size(), 1u);
  Hold(false);
  ASSERT_TRUE(AwaitRuns(3));
  EXPECT_THAT(Ran(), ElementsAre("busy", "latest", "late"));
}

TEST_F(SchedulerTest, OfThoseThatAreWokenTheFirstWokenComesFirst) {
  auto scheduler = NewScheduler(&clock_, 1);
  Hold(true);
  auto busy = scheduler->Add(clock_.Now(), Noting("busy", Never));
  ASSERT_TRUE(AwaitRuns(1));
  auto a = scheduler->Add(absl::InfiniteFuture(), Noting("a", Never));
  auto b = scheduler->Add(absl::InfiniteFuture(), Noting("b", Never));
  auto c = scheduler->Add(clock_.Now(), Noting("c", Never));
  b->Wake();
  a->Wake();
  b->Wake();  // it waits already
  Hold(false);
  ASSERT_TRUE(AwaitRuns(4));
  EXPECT_THAT(Ran(), ElementsAre("busy", "b", "a", "c"));
}

TEST_F(SchedulerTest, ManyJobsThatAreWokenAtOnceRunOnAllThreads) {
  auto scheduler = NewScheduler(&clock_, 3);
  Hold(true);
  std::vector<std::unique_ptr<Scheduler::Job>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(scheduler->Add(absl::InfiniteFuture(), Noting("a", Never)));
  }
  for (const auto& job : jobs) job->Wake();
  EXPECT_TRUE(AwaitRuns(3)) << "each thread has one";
  Hold(false);
  EXPECT_TRUE(AwaitRuns(100));
}

int Threads() {
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return static_cast<int>(std::distance(begin(threads), end(threads)));
}

TEST_F(SchedulerTest, ThreadsOfABurstEndAfterwardsAndTheWorkGoesOn) {
  auto scheduler = NewScheduler(Clock::System(), 100, absl::Milliseconds(10));
  const int before = Threads();
  Hold(true);
  std::vector<std::unique_ptr<Scheduler::Job>> jobs;
  for (int i = 0; i < 100; ++i)
    jobs.push_back(scheduler->Add(Clock::System()->Now(), Noting("a", Never)));
  ASSERT_TRUE(AwaitRuns(100));
  EXPECT_EQ(Threads(), before + 100);
  Hold(false);
  EXPECT_TRUE(Eventually([&] { return Threads() == before + 1; })) << Threads() - before;
  for (const auto& job : jobs) job->Wake();
  EXPECT_TRUE(AwaitRuns(200));
}

TEST_F(SchedulerTest, IdleJobsThatAreAddedAtOnceNeedNoThreads) {
  auto scheduler = NewScheduler(Clock::System(), 100);
  const int before = Threads();
  std::vector<std::unique_ptr<Scheduler::Job>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(scheduler->Add(absl::InfiniteFuture(), Noting("a", Never)));
  }
  EXPECT_EQ(Threads(), before + 1);
}

TEST_F(SchedulerTest, AJobThatIsDestroyedHasEndedItsRunAndRunsNoMore) {
  auto scheduler = NewScheduler(&clock_, 4);
  bool ended = false;
  auto job = scheduler->Add(clock_.Now(), Noting("a", [&] {
                              ended = true;
                              return clock_.Now();
                            }));
  ASSERT_TRUE(AwaitRuns(1));
  job.reset();
  EXPECT_TRUE(ended);
  const size_t ran = Ran().size();  // again and again, since it was always due at once
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Ran().size(), ran);
}

TEST_F(SchedulerTest, AJobIsNotHeldUpByABusyThreadBecauseAnotherCouldNotBeStartedOnce) {
  auto scheduler = NewScheduler(&clock_, 4);
  const absl::Time due = clock_.Now() + absl::Seconds(10);
  auto busy = scheduler->Add(Never(), Noting("busy", Never));
  auto other = scheduler->Add(due, Noting("other", Never));
  ASSERT_TRUE(clock_.AwaitDeadline(due));
  Hold(true);
  FailThreadStarts(1);
  busy->Wake();
  ASSERT_TRUE(AwaitRuns(1));
  // Its time comes without anything that adds or wakes a job.
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(AwaitRuns(2));
  Hold(false);
}

}  // namespace
}  // namespace gitops
