#include "common/schedule/thread_retry.h"

#include <chrono>
#include <utility>

#include "absl/status/statusor.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr std::chrono::milliseconds kPause(100);

}  // namespace

std::shared_ptr<ThreadRetry> ThreadRetry::Shared() {
  static Mutex& mutex = *new Mutex;
  static std::weak_ptr<ThreadRetry>& shared = *new std::weak_ptr<ThreadRetry>;
  MutexLock lock(mutex);
  std::shared_ptr<ThreadRetry> retry = shared.lock();
  if (retry == nullptr) shared = retry = std::make_shared<ThreadRetry>();
  return retry;
}

ThreadRetry::ThreadRetry() {
  absl::StatusOr<std::thread> thread = StartThread("try others again", [this] { Work(); });
  while (!thread.ok()) {
    std::this_thread::sleep_for(kPause);
    thread = StartThread("try others again", [this] { Work(); });
  }
  thread_ = *std::move(thread);
}

ThreadRetry::~ThreadRetry() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void ThreadRetry::Until(const void* owner, std::function<bool()> again) {
  MutexLock lock(mutex_);
  const auto [place, added] = attempts_.try_emplace(owner);
  place->second.wanted = true;
  if (!added) return;
  place->second.again = std::move(again);
  changed_.NotifyAll();
}

void ThreadRetry::Forget(const void* owner) {
  MutexLock lock(mutex_);
  while (trying_ == owner) changed_.Wait(mutex_);
  attempts_.erase(owner);
}

void ThreadRetry::Work() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (attempts_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const auto next = std::chrono::steady_clock::now() + kPause;
    while (!stopping_ && changed_.WaitUntil(mutex_, next)) {
    }
    TryAll();
  }
}

void ThreadRetry::TryAll() {
  for (auto it = attempts_.begin(); it != attempts_.end() && !stopping_;) {
    Attempt& attempt = it->second;
    attempt.wanted = false;
    trying_ = it->first;
    mutex_.Unlock();
    const bool done = attempt.again();  // stays in the map: Forget() waits
    mutex_.Lock();
    trying_ = nullptr;
    it = done && !attempt.wanted ? attempts_.erase(it) : std::next(it);
    changed_.NotifyAll();
  }
}

}  // namespace gitops
