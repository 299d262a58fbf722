#include "services/planner/lock/lock_waiter.h"

#include <algorithm>

#include "absl/strings/strip.h"
#include "services/planner/lock/lock_table.h"

namespace gitops {
namespace {

// Also how long a change that does not free all hosts waits for more changes: a deployment that
// releases a thousand hosts one by one must not cause a thousand reads.
constexpr absl::Duration kPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestBetweenLooks = absl::Seconds(2);

}  // namespace

LockWaiter::LockWaiter(Store* store, Clock* clock, const std::vector<std::string>& hosts)
    : clock_(clock), hosts_(hosts.begin(), hosts.end()) {
  // Deleting a missing key changes nothing, and returns the store's revision.
  absl::StatusOr<int64_t> now = store->Write({{.key = "planner/v1/none"}});
  if (!now.ok()) return;
  auto watch = store->Watch(kLockPrefix, *now, [this](const StoreEvent& event) { OnEvent(event); });
  if (watch.ok()) watch_ = *std::move(watch);
}

void LockWaiter::BeginLook() {
  MutexLock lock(mutex_);
  looking_ = true;
  changed_ = false;
  meanwhile_.clear();
}

void LockWaiter::EndLook(std::set<std::string> held) {
  MutexLock lock(mutex_);
  looking_ = false;
  looked_ = clock_->SteadyNow();
  held_ = std::move(held);
  // Applies changes that the look may have seen too, which at worst causes an extra look.
  for (const auto& [host, locked] : meanwhile_) Apply(host, locked);
}

bool LockWaiter::Await() {
  MutexLock lock(mutex_);
  const SteadyTime end = clock_->SteadyNow() + kPause;
  while (!held_.empty()) {
    if (clock_->WaitUntil(mutex_, wake_, end)) continue;
    return changed_ || clock_->SteadyNow() >= looked_ + kLongestBetweenLooks;
  }
  return true;
}

void LockWaiter::OnEvent(const StoreEvent& event) {
  const std::string host(absl::StripPrefix(event.key, kLockPrefix));
  if (!hosts_.contains(host)) return;
  MutexLock lock(mutex_);
  if (looking_) meanwhile_.emplace_back(host, event.value.has_value());
  Apply(host, event.value.has_value());
}

void LockWaiter::Apply(const std::string& host, bool locked) {
  changed_ = true;
  if (locked) {
    held_.insert(host);
  } else {
    held_.erase(host);
  }
  if (held_.empty()) wake_.NotifyAll();
}

}  // namespace gitops
