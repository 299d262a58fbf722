#include "services/planner/run/worker_pool.h"

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

void WorkerPool::Run(const std::string& group, std::function<void()> job) {
  std::vector<std::function<void()>> jobs;
  jobs.push_back(std::move(job));
  RunAll(group, std::move(jobs));
}

void WorkerPool::RunAll(const std::string& group, std::vector<std::function<void()>> jobs) {
  if (jobs.empty()) return;
  bool wake = false;
  {
    MutexLock lock(mutex_);
    std::deque<std::function<void()>>& waiting = groups_[group].waiting;
    for (std::function<void()>& job : jobs) waiting.push_back(std::move(job));
    waiting_ += static_cast<int>(jobs.size());
    Admit();
    wake = Summon();
  }
  if (wake) wake_.NotifyOne();
}

int WorkerPool::waiting() {
  MutexLock lock(mutex_);
  return waiting_;
}

void WorkerPool::Admit() {
  while (waiting_ > 0) {
    auto next = groups_.end();
    for (auto group = groups_.begin(); group != groups_.end(); ++group) {
      if (group->second.waiting.empty()) continue;
      if (next == groups_.end() || group->second.running < next->second.running) next = group;
    }
    auto& [name, group] = *next;
    if (running_ >= most_ && group.running >= reserved_) return;
    ready_.push_back({name, std::move(group.waiting.front())});
    group.waiting.pop_front();
    --waiting_;
    ++group.running;
    ++running_;
  }
}

bool WorkerPool::Summon() {
  if (ready_.empty()) return false;
  if (idle_ > 0) return true;
  AddThread();
  return false;
}

void WorkerPool::AddThread() {
  if (stopping_) return;
  try {
    threads_.emplace_back([this] { Loop(); });
  } catch (const std::system_error& error) {
    LogWarning("cannot create another thread; jobs wait for the existing ones",
               {{"error", error.what()}, {"threads", absl::StrCat(threads_.size())}});
  }
}

void WorkerPool::Loop() {
  MutexLock lock(mutex_);
  while (true) {
    ++idle_;
    Admit();
    while (ready_.empty() && !stopping_) wake_.Wait(mutex_);
    --idle_;
    if (ready_.empty()) return;
    Job job = std::move(ready_.front());
    ready_.pop_front();
    const bool wake = Summon();
    mutex_.Unlock();
    if (wake) wake_.NotifyOne();
    job.run();
    job.run = nullptr;  // its captures are destroyed without the lock
    mutex_.Lock();
    --running_;
    const auto group = groups_.find(job.group);
    if (--group->second.running == 0 && group->second.waiting.empty()) groups_.erase(group);
  }
}

}  // namespace gitops
