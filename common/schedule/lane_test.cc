#include "common/schedule/lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

class LaneTest : public testing::Test {
 protected:
  std::unique_ptr<Scheduler::Job> Holding(Scheduler& scheduler) {
    return scheduler.Add(absl::InfiniteFuture(), [this] {
      MutexLock lock(mutex_);
      most_ = std::max(most_, ++running_);
      while (held_) changed_.Wait(mutex_);
      --running_;
      ++ran_;
      return absl::InfiniteFuture();
    });
  }
  int Running() {
    MutexLock lock(mutex_);
    return running_;
  }
  int Ran() {
    MutexLock lock(mutex_);
    return ran_;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }

  std::unique_ptr<Scheduler> scheduler_ = NewScheduler(Clock::System(), 4);
  std::unique_ptr<Scheduler> lane_ = NewLane(scheduler_.get(), 2);
  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = true;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_ ABSL_GUARDED_BY(mutex_) = 0;
  int ran_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(LaneTest, JobsThatWaitForTheLaneHoldNobodyElseUpAndAllRun) {
  std::vector<std::unique_ptr<Scheduler::Job>> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(Holding(*lane_));
  for (const auto& job : jobs) job->Wake();
  ASSERT_TRUE(Eventually([this] { return Running() == 2; }));
  std::atomic<bool> other = false;
  auto outside = scheduler_->Add(absl::InfiniteFuture(), [&] {
    other = true;
    return absl::InfiniteFuture();
  });
  outside->Wake();
  EXPECT_TRUE(Eventually([&] { return other.load(); }));
  Release();
  EXPECT_TRUE(Eventually([this] { return Ran() == 20; }));
  MutexLock lock(mutex_);
  EXPECT_EQ(most_, 2);
}

TEST_F(LaneTest, AJobThatIsDestroyedWhileItWaitsLeavesItsPlaceToTheNext) {
  auto first = Holding(*lane_), second = Holding(*lane_), third = Holding(*lane_),
       fourth = Holding(*lane_);
  first->Wake();
  second->Wake();
  ASSERT_TRUE(Eventually([this] { return Running() == 2; }));
  third->Wake();
  fourth->Wake();
  third.reset();
  Release();
  EXPECT_TRUE(Eventually([this] { return Ran() == 3; }));
}

TEST_F(LaneTest, PlacesThatBecomeFreeTogetherAreBothTaken) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> met = 0;
    std::atomic<bool> given_up = false;
    std::vector<std::unique_ptr<Scheduler::Job>> jobs;
    for (int i = 0; i < 4; ++i) {
      jobs.push_back(lane_->Add(absl::InfiniteFuture(), [&] {
        // The third waits for the fourth.
        const int pair = (++met + 1) / 2;
        while (met < 2 * pair && !given_up) std::this_thread::yield();
        return absl::InfiniteFuture();
      }));
    }
    for (const auto& job : jobs) job->Wake();
    const bool all = Eventually([&] { return met == 4; }, absl::Seconds(10));
    given_up = true;
    ASSERT_TRUE(all) << "round " << round;
  }
}

}  // namespace
}  // namespace gitops
