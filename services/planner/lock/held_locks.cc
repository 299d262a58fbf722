#include <utility>

#include "absl/strings/str_cat.h"
#include "services/planner/lock/host_locks.h"

namespace gitops {
namespace {

constexpr char kLeaseEnded[] =
    "its lease ended, because this planner was stopped or could not store for too long; resume "
    "the deployment to go on";

}  // namespace

absl::StatusOr<int64_t> HeldLocks::Check(const std::string& host) {
  auto number = taken_.fencing.find(host);
  if (number == taken_.fencing.end()) return NeverTaken(host);
  if (IsReleased(host)) return NotHeld(host);
  absl::StatusOr<StoredLock> stored = ReadLock(*store_, host);
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  // Taking or breaking a lock writes it, so the revision identifies our own, even if it is damaged.
  if (!stored.ok() || stored->revision != taken_.revision) return Lost(host, stored);
  // The locks of a lease that has ended may still be readable for a moment (after this process was
  // stopped and continued). Confirmed after the read: a lease that is alive now was alive then.
  absl::Status alive = keeper_->Confirm(taken_.lease);
  if (absl::IsNotFound(alive)) return Lost(host, absl::NotFoundError(""));
  if (!alive.ok()) return alive;
  return number->second;
}

void HeldLocks::WhenLost(std::function<void(const std::string& why)> lost) {
  if (taken_.lease == 0) return;
  const std::string why =
      absl::StrCat("the deployment ", deployment_, " lost its locks: ", kLeaseEnded);
  keeper_->WhenEnded(taken_.lease, [lost = std::move(lost), why] { lost(why); });
}

absl::Status HeldLocks::Release(const std::string& host) {
  if (!taken_.fencing.contains(host)) return NotHeld(host);
  // Only the lock that was taken: another holder's stays.
  absl::Status status = store_->Delete(absl::StrCat(kLockPrefix, host), taken_.revision);
  if (!status.ok() && !absl::IsFailedPrecondition(status)) return status;
  MutexLock lock(mutex_);
  released_.insert(host);
  return absl::OkStatus();
}

absl::Status HeldLocks::ReleaseAll() {
  if (taken_.lease == 0) return RemoveNotices(*store_, deployment_);
  // This is not a loss.
  keeper_->WhenEnded(taken_.lease, nullptr);
  absl::Status status = store_->RevokeLease(taken_.lease);
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  keeper_->Remove(taken_.lease);
  {
    MutexLock lock(mutex_);
    for (const auto& [host, number] : taken_.fencing) released_.insert(host);
  }
  return RemoveNotices(*store_, deployment_);
}

// The lock was left out because it had been broken before.
absl::Status HeldLocks::NeverTaken(const std::string& host) const {
  absl::StatusOr<v1::DeploymentEvent> notice = ReadNotice(*store_, deployment_, host);
  if (notice.ok()) return Broken(host, *notice);
  return absl::IsNotFound(notice.status()) ? NotHeld(host) : notice.status();
}

absl::Status HeldLocks::Broken(const std::string& host, const v1::DeploymentEvent& notice) const {
  const std::string why = notice.message().empty() ? "" : absl::StrCat(" (", notice.message(), ")");
  return absl::AbortedError(absl::StrCat("the deployment ", deployment_, " lost the lock of host ",
                                         host, ": ", notice.actor(), " broke it", why));
}

absl::Status HeldLocks::NotHeld(const std::string& host) const {
  return absl::FailedPreconditionError(
      absl::StrCat("the deployment ", deployment_, " does not hold the lock of host ", host));
}

// `now` is the current lock of the host, if any.
absl::Status HeldLocks::Lost(const std::string& host, const absl::StatusOr<StoredLock>& now) {
  const std::string what =
      absl::StrCat("the deployment ", deployment_, " lost the lock of host ", host, ": ");
  absl::StatusOr<v1::DeploymentEvent> notice = ReadNotice(*store_, deployment_, host);
  if (notice.ok()) return Broken(host, *notice);
  // The kind of loss must not be guessed.
  if (!absl::IsNotFound(notice.status())) return notice.status();
  if (now.ok()) {
    const std::string holder =
        absl::StrCat(what, "the deployment ", now->lock.deployment(), " of ", now->lock.actor(),
                     ", run by ", now->lock.planner(), ", holds it now");
    // Another process runs this deployment, and has taken all locks.
    if (now->lock.deployment() == deployment_) return absl::FailedPreconditionError(holder);
    return LeaseHasEnded() ? absl::FailedPreconditionError(holder) : absl::AbortedError(holder);
  }
  if (!LeaseHasEnded()) {
    return absl::AbortedError(absl::StrCat(what, "it was broken, and the notice of it is gone"));
  }
  return absl::FailedPreconditionError(absl::StrCat(what, kLeaseEnded));
}

}  // namespace gitops
