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
  for (auto& [id, subscriber] : subscribers_) subscriber.changed.insert(host);
  wake_.NotifyAll();
}

int64_t Notifier::Subscribe(Callback changed) {
  MutexLock lock(mutex_);
  subscribers_[++last_].callback = std::move(changed);
  return last_;
}

void Notifier::Unsubscribe(int64_t id) {
  MutexLock lock(mutex_);
  subscribers_.erase(id);
  if (std::this_thread::get_id() == thread_.get_id()) return;
  while (telling_ == id && id != 0) told_.Wait(mutex_);
}

int64_t Notifier::Due() const {
  int64_t first = 0;
  for (const auto& [id, subscriber] : subscribers_) {
    if (subscriber.changed.empty()) continue;
    if (id > last_told_) return id;
    if (first == 0) first = id;
  }
  return first;
}

void Notifier::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    telling_ = Due();
    if (telling_ == 0) {
      wake_.Wait(mutex_);
      continue;
    }
    Subscriber& subscriber = subscribers_[telling_];
    const std::string host = *subscriber.changed.begin();
    subscriber.changed.erase(subscriber.changed.begin());
    // A copy: the subscriber may go while it is told.
    const Callback callback = subscriber.callback;
    mutex_.Unlock();
    callback(host);
    mutex_.Lock();
    last_told_ = std::exchange(telling_, 0);
    told_.NotifyAll();
  }
}

}  // namespace gitops
