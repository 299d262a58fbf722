#include "services/planner/lock/lock_testing.h"

#include <utility>

namespace gitops {

void LeaseStore::FailRenewals(bool fail, absl::Status error) {
  MutexLock lock(mutex_);
  failure_ = fail ? std::move(error) : absl::OkStatus();
}

int LeaseStore::renewals() {
  MutexLock lock(mutex_);
  return renewals_;
}

void LeaseStore::Freeze(const std::string& key) {
  absl::StatusOr<StoredValue> value = FaultyStore::Get(key);
  MutexLock lock(mutex_);
  if (value.ok()) frozen_[key] = *value;
}

absl::Status LeaseStore::KeepLeaseAlive(int64_t lease) {
  absl::Status status;
  {
    MutexLock lock(mutex_);
    status = failure_;
  }
  if (status.ok()) status = FaultyStore::KeepLeaseAlive(lease);
  MutexLock lock(mutex_);
  ++renewals_;
  return status;
}

absl::StatusOr<StoredValue> LeaseStore::Get(absl::string_view key) {
  {
    MutexLock lock(mutex_);
    auto found = frozen_.find(key);
    if (found != frozen_.end()) return found->second;
  }
  return FaultyStore::Get(key);
}

}  // namespace gitops
