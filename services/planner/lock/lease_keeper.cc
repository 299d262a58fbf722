#include "services/planner/lock/lease_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr int kRenewalsWithinTtl = 3;
// After a failure, on a full disk for example.
constexpr int kRetriesWithinTtl = 12;

absl::Status Ended(int64_t lease) {
  return absl::NotFoundError(absl::StrCat("the lease ", lease, " has ended"));
}

}  // namespace

LeaseKeeper::LeaseKeeper(Store* store, Clock* clock, absl::Duration ttl)
    : store_(store), clock_(clock), ttl_(ttl) {}

LeaseKeeper::~LeaseKeeper() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void LeaseKeeper::Add(int64_t lease, absl::Time granted) {
  MutexLock lock(mutex_);
  renewed_[lease] = granted;
  wake_.NotifyAll();
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
}

void LeaseKeeper::Remove(int64_t lease) {
  MutexLock lock(mutex_);
  renewed_.erase(lease);
}

absl::Status LeaseKeeper::Confirm(int64_t lease) {
  {
    MutexLock lock(mutex_);
    auto found = renewed_.find(lease);
    if (found == renewed_.end()) return Ended(lease);
    // The store's clock is this one, or its own that does not stand still while we do; its answer
    // to what was read under the lease then stands for itself.
    if (clock_->Now() < found->second + ttl_) return absl::OkStatus();
  }
  return Renew(lease);
}

absl::Status LeaseKeeper::Renew(int64_t lease) {
  const absl::Time before = clock_->Now();
  absl::Status status = store_->KeepLeaseAlive(lease);
  MutexLock lock(mutex_);
  auto found = renewed_.find(lease);
  if (found == renewed_.end()) return Ended(lease);
  if (status.ok()) found->second = before;
  // A lease that has ended never comes back, so there is nothing to keep.
  if (absl::IsNotFound(status)) renewed_.erase(found);
  return status;
}

void LeaseKeeper::Loop() {
  absl::Duration pause = ttl_ / kRenewalsWithinTtl;
  while (AwaitTurn(pause)) pause = ttl_ / (RenewAll() ? kRenewalsWithinTtl : kRetriesWithinTtl);
}

// False: stopping.
bool LeaseKeeper::AwaitTurn(absl::Duration pause) {
  MutexLock lock(mutex_);
  absl::Time due = absl::InfiniteFuture();
  while (!stopping_) {
    // Never further ahead than a pause, also when the clock was set back meanwhile.
    due = renewed_.empty() ? absl::InfiniteFuture() : std::min(due, clock_->Now() + pause);
    if (clock_->Now() >= due) return true;
    // The wait is measured by a clock that is never set, so its end counts whatever the time is.
    if (!clock_->WaitUntil(mutex_, wake_, due)) return !stopping_;
  }
  return false;
}

// False: one could not be renewed, and must be tried again soon.
bool LeaseKeeper::RenewAll() {
  std::vector<int64_t> leases;
  {
    MutexLock lock(mutex_);
    for (const auto& [lease, renewed] : renewed_) leases.push_back(lease);
  }
  bool all = true;
  for (int64_t lease : leases) {
    absl::Status status = Renew(lease);
    if (!status.ok() && !absl::IsNotFound(status)) all = false;
  }
  return all;
}

}  // namespace gitops
