#include "services/planner/lock/lease_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace gitops {
namespace {

constexpr int kRenewalsWithinTtl = 3;
// While the store is unavailable, on a full disk for example.
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

void LeaseKeeper::Add(int64_t lease, SteadyTime granted) {
  MutexLock lock(mutex_);
  kept_[lease].renewed = granted;
  wake_.NotifyAll();
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
}

void LeaseKeeper::Remove(int64_t lease) {
  MutexLock lock(mutex_);
  kept_.erase(lease);
}

void LeaseKeeper::WhenEnded(int64_t lease, std::function<void()> ended) {
  MutexLock lock(mutex_);
  const auto found = kept_.find(lease);
  if (found != kept_.end()) {
    found->second.ended = std::move(ended);
  } else if (ended) {
    ended();
  }
}

absl::Status LeaseKeeper::Confirm(int64_t lease) {
  {
    MutexLock lock(mutex_);
    auto found = kept_.find(lease);
    if (found == kept_.end()) return Ended(lease);
    if (clock_->SteadyNow() < found->second.renewed + ttl_) return absl::OkStatus();
  }
  return Renew(lease);
}

absl::Status LeaseKeeper::Renew(int64_t lease) {
  const SteadyTime before = clock_->SteadyNow();
  absl::Status status = store_->KeepLeaseAlive(lease);
  MutexLock lock(mutex_);
  auto found = kept_.find(lease);
  if (found == kept_.end()) return Ended(lease);
  if (status.ok()) found->second.renewed = before;
  if (status.ok() || absl::IsUnavailable(status)) return status;
  // The lease has ended, or the error is permanent. Called with the lock held, so that Remove()
  // waits for the callback.
  if (!absl::IsNotFound(status)) {
    LogError("a lease of host locks is given up: it cannot be renewed",
             {{"lease", absl::StrCat(lease)}, {"error", status.ToString()}});
  }
  if (found->second.ended) found->second.ended();
  kept_.erase(found);
  return status;
}

void LeaseKeeper::Loop() {
  absl::Duration pause = ttl_ / kRenewalsWithinTtl;
  while (AwaitTurn(pause)) pause = ttl_ / (RenewAll() ? kRenewalsWithinTtl : kRetriesWithinTtl);
}

// False: stopping.
bool LeaseKeeper::AwaitTurn(absl::Duration pause) {
  MutexLock lock(mutex_);
  SteadyTime due = SteadyTime::Infinite();
  while (!stopping_) {
    const SteadyTime now = clock_->SteadyNow();
    due = kept_.empty() ? SteadyTime::Infinite() : std::min(due, now + pause);
    if (now >= due) return true;
    clock_->WaitUntil(mutex_, wake_, due);
  }
  return false;
}

// False: the store is unavailable, so retry soon.
bool LeaseKeeper::RenewAll() {
  std::vector<int64_t> leases;
  {
    MutexLock lock(mutex_);
    for (const auto& [lease, kept] : kept_) leases.push_back(lease);
  }
  bool all = true;
  for (int64_t lease : leases) {
    if (absl::IsUnavailable(Renew(lease))) all = false;
  }
  return all;
}

}  // namespace gitops
