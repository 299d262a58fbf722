#include "services/planner/lock/held_locks.h"

#include <utility>

#include "absl/strings/str_cat.h"

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
  // Whoever takes or breaks a lock writes it; by its revision also a damaged value is our own.
  if (!stored.ok() || stored->revision != taken_.revision) return Lost(host, stored);
  // A lease that has ended may still be there to be read for a moment (this process was stopped,
  // and goes on). After the read: what was alive now was alive then.
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
  // Only what was written then: what has become another's since is left to them.
  absl::Status status = store_->Delete(absl::StrCat(kLockPrefix, host), taken_.revision);
  if (!status.ok() && !absl::IsFailedPrecondition(status)) return status;
  MutexLock lock(mutex_);
  released_.insert(host);
  return absl::OkStatus();
}

absl::Status HeldLocks::ReleaseAll() {
  if (taken_.lease == 0) return RemoveWords(*store_, deployment_);
  // It ends because this says so.
  keeper_->WhenEnded(taken_.lease, nullptr);
  absl::Status status = store_->RevokeLease(taken_.lease);
  if (!status.ok() && !absl::IsNotFound(status)) return status;
  keeper_->Remove(taken_.lease);
  {
    MutexLock lock(mutex_);
    for (const auto& [host, number] : taken_.fencing) released_.insert(host);
  }
  return RemoveWords(*store_, deployment_);
}

bool HeldLocks::IsReleased(const std::string& host) {
  MutexLock lock(mutex_);
  return released_.contains(host);
}

// It was left out because it had been broken before.
absl::Status HeldLocks::NeverTaken(const std::string& host) const {
  absl::StatusOr<v1::DeploymentEvent> word = ReadWord(*store_, deployment_, host);
  if (word.ok()) return Broken(host, *word);
  return absl::IsNotFound(word.status()) ? NotHeld(host) : word.status();
}

absl::Status HeldLocks::Broken(const std::string& host, const v1::DeploymentEvent& word) const {
  const std::string why = word.message().empty() ? "" : absl::StrCat(" (", word.message(), ")");
  return absl::AbortedError(absl::StrCat("the deployment ", deployment_, " lost the lock of host ",
                                         host, ": ", word.actor(), " broke it", why));
}

absl::Status HeldLocks::NotHeld(const std::string& host) const {
  return absl::FailedPreconditionError(
      absl::StrCat("the deployment ", deployment_, " does not hold the lock of host ", host));
}

// `now` is what there is of the lock instead.
absl::Status HeldLocks::Lost(const std::string& host, const absl::StatusOr<StoredLock>& now) {
  const std::string what =
      absl::StrCat("the deployment ", deployment_, " lost the lock of host ", host, ": ");
  absl::StatusOr<v1::DeploymentEvent> word = ReadWord(*store_, deployment_, host);
  if (word.ok()) return Broken(host, *word);
  // Which of the two losses it is must not be guessed.
  if (!absl::IsNotFound(word.status())) return word.status();
  if (now.ok()) {
    const std::string holder =
        absl::StrCat(what, "the deployment ", now->lock.deployment(), " of ", now->lock.actor(),
                     ", run by ", now->lock.planner(), ", holds it now");
    // The same one, run by another process: it has taken all of them.
    if (now->lock.deployment() == deployment_) return absl::FailedPreconditionError(holder);
    return LeaseHasEnded() ? absl::FailedPreconditionError(holder) : absl::AbortedError(holder);
  }
  if (!LeaseHasEnded()) {
    return absl::AbortedError(absl::StrCat(what, "it was broken, and word of by whom is gone"));
  }
  return absl::FailedPreconditionError(absl::StrCat(what, kLeaseEnded));
}

}  // namespace gitops
