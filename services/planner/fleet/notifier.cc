#include "services/planner/fleet/notifier.h"

#include <utility>

namespace gitops {

Notifier::Notifier() : thread_([this] { Run(); }) {}

Notifier::~Notifier() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.join();
}

void Notifier::Changed(const std::string& host) {
  MutexLock lock(mutex_);
  if (subscribers_.empty()) return;
  changed_.insert(host);
  wake_.NotifyAll();
}

int64_t Notifier::Subscribe(Callback changed) {
  MutexLock lock(mutex_);
  subscribers_[++last_] = std::move(changed);
  return last_;
}

void Notifier::Unsubscribe(int64_t id) {
  MutexLock lock(mutex_);
  subscribers_.erase(id);
  if (std::this_thread::get_id() == thread_.get_id()) return;
  while (telling_ == id && id != 0) told_.Wait(mutex_);
}

void Notifier::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (changed_.empty()) {
      wake_.Wait(mutex_);
      continue;
    }
    const std::string host = std::move(changed_.extract(changed_.begin()).value());
    for (auto next = subscribers_.begin(); next != subscribers_.end();) {
      telling_ = next->first;
      // A copy, since the subscriber may unsubscribe during the call.
      const Callback callback = next->second;
      mutex_.Unlock();
      callback(host);
      mutex_.Lock();
      next = subscribers_.upper_bound(std::exchange(telling_, 0));
      told_.NotifyAll();
    }
  }
}

}  // namespace gitops
