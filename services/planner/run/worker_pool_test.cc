#include "services/planner/run/worker_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "common/testing/eventually.h"

namespace gitops {
namespace {

// Jobs that stand still until they are let go.
class Gate {
 public:
  void Pass() {
    MutexLock lock(mutex_);
    peak_ = std::max(peak_, ++inside_);
    threads_.insert(std::this_thread::get_id());
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
    --inside_;
    ++passed_;
    changed_.NotifyAll();
  }
  void AwaitInside(int count) {
    MutexLock lock(mutex_);
    while (inside_ < count) changed_.Wait(mutex_);
  }
  void AwaitPassed(int count) {
    MutexLock lock(mutex_);
    while (passed_ < count) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  int peak() {
    MutexLock lock(mutex_);
    return peak_;
  }
  int threads() {
    MutexLock lock(mutex_);
    return static_cast<int>(threads_.size());
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  int passed_ ABSL_GUARDED_BY(mutex_) = 0;
  int peak_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::thread::id> threads_ ABSL_GUARDED_BY(mutex_);
};

TEST(WorkerPool, RunsAsManyAtATimeAsAllowedAndTheRestAfterThem) {
  Gate gate;
  WorkerPool pool(3);
  for (int i = 0; i < 10; ++i) pool.Run("a", [&] { gate.Pass(); });
  gate.AwaitInside(3);
  EXPECT_EQ(pool.waiting(), 7);
  gate.Open();
  gate.AwaitPassed(10);
  EXPECT_EQ(gate.peak(), 3);
}

TEST(WorkerPool, JobsThatComeTogetherRunSideBySide) {
  Gate gate;
  WorkerPool pool(50);
  for (int round = 0; round < 2; ++round) {
    pool.RunAll("a", std::vector<std::function<void()>>(30, [&] { gate.Pass(); }));
  }
  gate.AwaitInside(50);
  EXPECT_EQ(pool.waiting(), 10);
  gate.Open();
  gate.AwaitPassed(60);
  EXPECT_EQ(gate.peak(), 50);
}

TEST(WorkerPool, AGroupWhoseJobsHangDoesNotHoldUpOthers) {
  Gate gate;
  std::atomic<int> done = 0;
  WorkerPool pool(3, /*reserved=*/2);
  for (int i = 0; i < 10; ++i) pool.Run("hangs", [&] { gate.Pass(); });
  gate.AwaitInside(3);
  for (const char* group : {"b", "c"}) {
    for (int i = 0; i < 5; ++i) pool.Run(group, [&] { ++done; });
  }
  EXPECT_TRUE(Eventually([&] { return done == 10; }));
  EXPECT_EQ(pool.waiting(), 7);
  gate.Open();
}

TEST(WorkerPool, AThreadThatBecomesFreeGoesToTheGroupThatRunsTheFewest) {
  Gate first, second, others;
  WorkerPool pool(4);
  for (int i = 0; i < 4; ++i) pool.Run("a", [&] { first.Pass(); });
  first.AwaitInside(4);
  for (int i = 0; i < 4; ++i) pool.Run("a", [&] { second.Pass(); });
  for (int i = 0; i < 4; ++i) pool.Run("b", [&] { others.Pass(); });
  others.AwaitInside(1);  // reserved
  first.Open();
  others.AwaitInside(2);
  second.AwaitInside(2);
  EXPECT_EQ(pool.waiting(), 4);
  others.Open();
  second.Open();
}

TEST(WorkerPool, ThreadsAreReused) {
  Gate gate;
  gate.Open();
  // With two at a time, a job that comes before the last one has returned could get a second
  // thread.
  WorkerPool pool(1);
  for (int i = 0; i < 200; ++i) {
    pool.Run("a", [&] { gate.Pass(); });
    gate.AwaitPassed(i + 1);
  }
  EXPECT_EQ(gate.threads(), 1);
}

TEST(WorkerPool, WhatIsLeftIsRunBeforeItGoes) {
  std::atomic<int> run = 0;
  {
    WorkerPool pool(1);
    for (int i = 0; i < 20; ++i) pool.Run("a", [&] { ++run; });
  }
  EXPECT_EQ(run, 20);
}

}  // namespace
}  // namespace gitops
