#include "agent/controller/watch_hub.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr std::chrono::milliseconds kLook{200};

}  // namespace

WatchHub::Watcher::~Watcher() {
  MutexLock lock(hub_->mutex_);
  hub_->watchers_.erase(this);
}

std::set<std::string> WatchHub::Watcher::Next() {
  MutexLock lock(hub_->mutex_);
  if (changed_.empty() && !hub_->closed_) {
    hub_->woken_.WaitUntil(hub_->mutex_, std::chrono::steady_clock::now() + kLook);
  }
  return std::exchange(changed_, {});
}

bool WatchHub::Watcher::closed() const {
  MutexLock lock(hub_->mutex_);
  return hub_->closed_;
}

absl::StatusOr<std::unique_ptr<WatchHub::Watcher>> WatchHub::Watch() {
  MutexLock lock(mutex_);
  if (closed_) return MakeError(Reason::kServerStopping, "the agent is stopping");
  if (static_cast<int>(watchers_.size()) >= max_watchers_) {
    return MakeError(
        Reason::kTooManyWatchers,
        absl::StrCat("this agent has already ", max_watchers_, " watchers; end one of them"));
  }
  auto watcher = std::make_unique<Watcher>(this);
  watchers_.insert(watcher.get());
  return watcher;
}

void WatchHub::Changed(const std::string& service) {
  MutexLock lock(mutex_);
  for (Watcher* watcher : watchers_) watcher->changed_.insert(service);
  woken_.NotifyAll();
}

void WatchHub::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  woken_.NotifyAll();
}

}  // namespace gitops
