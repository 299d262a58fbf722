#include "common/sync/mutex.h"

#include <chrono>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace gitops {
namespace {

struct Counter {
  Mutex mutex;
  CondVar changed;
  int value ABSL_GUARDED_BY(mutex) = 0;

  void Add() {
    MutexLock lock(mutex);
    ++value;
    changed.NotifyAll();
  }
  void AwaitAtLeast(int wanted) {
    MutexLock lock(mutex);
    while (value < wanted) changed.Wait(mutex);
  }
};

TEST(MutexTest, ThreadsDoNotLoseEachOthersWork) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(counter.mutex);
  EXPECT_EQ(counter.value, 4000);
}

// Whether another thread could take it.
bool IsFree(Mutex& mutex) {
  bool free = false;
  std::thread([&] {
    if (mutex.TryLock()) {
      free = true;
      mutex.Unlock();
    }
  }).join();
  return free;
}

TEST(MutexTest, TryLockFailsWhileAnotherHoldsIt) {
  Mutex mutex;
  mutex.Lock();
  EXPECT_FALSE(IsFree(mutex));
  mutex.Unlock();
  EXPECT_TRUE(IsFree(mutex));
}

TEST(CondVarTest, AWaiterSeesWhatTheNotifierDid) {
  Counter counter;
  std::thread adder([&] {
    for (int n = 0; n < 10; ++n) counter.Add();
  });
  counter.AwaitAtLeast(10);
  adder.join();
}

TEST(CondVarTest, TheMutexIsHeldAgainAfterTheDeadline) {
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  while (condition.WaitUntil(mutex, deadline)) {
  }
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
  EXPECT_FALSE(IsFree(mutex));
}

TEST(CondVarTest, ANotificationBeforeTheDeadlineIsNoTimeout) {
  Counter counter;
  std::thread adder([&] { counter.Add(); });
  {
    MutexLock lock(counter.mutex);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    bool in_time = true;
    while (counter.value == 0 && in_time) {
      in_time = counter.changed.WaitUntil(counter.mutex, deadline);
    }
    EXPECT_TRUE(in_time);
  }
  adder.join();
}

}  // namespace
}  // namespace gitops
