#include "services/planner/run/worker_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace gitops {

WorkerPool::~WorkerPool() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads) thread.join();
}

void WorkerPool::Run(std::function<void()> job) {
  MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  const bool needed = static_cast<int>(jobs_.size()) > idle_;
  if (needed && static_cast<int>(threads_.size()) < most_ && !stopping_) {
    try {
      threads_.emplace_back([this] { Loop(); });
    } catch (const std::system_error& error) {
      LogWarning("no more threads can be made; what is to be done waits for those there are",
                 {{"error", error.what()}, {"threads", absl::StrCat(threads_.size())}});
    }
  }
  wake_.NotifyOne();
}

int WorkerPool::waiting() {
  MutexLock lock(mutex_);
  return std::max(0, static_cast<int>(jobs_.size()) - idle_);
}

void WorkerPool::Loop() {
  for (;;) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      ++idle_;
      while (jobs_.empty() && !stopping_) wake_.Wait(mutex_);
      --idle_;
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace gitops
