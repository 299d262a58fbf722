#include "common/store/faulty_store.h"

#include <utility>

#include "absl/strings/match.h"

namespace gitops {

void FaultyStore::FailNthCall(int n, absl::Status status) {
  MutexLock lock(mutex_);
  call_fault_ = {calls_ + n, std::move(status)};
}

void FaultyStore::FailNthWrite(int n, absl::Status status) {
  MutexLock lock(mutex_);
  write_fault_ = {writes_ + n, std::move(status)};
}

void FaultyStore::LoseNthAnswer(int n) {
  MutexLock lock(mutex_);
  lost_answer_ = writes_ + n;
}

void FaultyStore::FailKeys(std::string prefix, absl::Status status) {
  MutexLock lock(mutex_);
  key_faults_.emplace_back(std::move(prefix), std::move(status));
}

void FaultyStore::StallWrites() {
  MutexLock lock(mutex_);
  stalled_ = true;
}

void FaultyStore::Heal() {
  MutexLock lock(mutex_);
  stalled_ = false;
  healed_.NotifyAll();
  call_fault_ = {};
  write_fault_ = {};
  lost_answer_ = 0;
  key_faults_.clear();
}

int FaultyStore::calls() {
  MutexLock lock(mutex_);
  return calls_;
}

int FaultyStore::writes() {
  MutexLock lock(mutex_);
  return writes_;
}

int FaultyStore::values_read() {
  MutexLock lock(mutex_);
  return values_read_;
}

absl::Status FaultyStore::Enter(const std::vector<absl::string_view>& keys, bool write) {
  MutexLock lock(mutex_);
  ++calls_;
  if (write) ++writes_;
  while (write && stalled_) healed_.Wait(mutex_);
  if (calls_ == call_fault_.at) return call_fault_.status;
  if (write && writes_ == write_fault_.at) return write_fault_.status;
  for (absl::string_view key : keys) {
    if (absl::Status fault = FaultOf(key); !fault.ok()) return fault;
  }
  return absl::OkStatus();
}

absl::Status FaultyStore::FaultOf(absl::string_view key) const {
  for (const auto& [prefix, status] : key_faults_) {
    if (absl::StartsWith(key, prefix)) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<StoredValue> FaultyStore::Get(absl::string_view key) {
  if (absl::Status status = Enter({key}); !status.ok()) return status;
  absl::StatusOr<StoredValue> value = store_->Get(key);
  MutexLock lock(mutex_);
  if (value.ok()) ++values_read_;
  return value;
}

absl::StatusOr<std::vector<StoredValue>> FaultyStore::List(absl::string_view prefix,
                                                           absl::string_view after, int limit) {
  if (absl::Status status = Enter({prefix}); !status.ok()) return status;
  absl::StatusOr<std::vector<StoredValue>> values = store_->List(prefix, after, limit);
  MutexLock lock(mutex_);
  if (!values.ok()) return values;
  for (const StoredValue& value : *values) {
    if (absl::Status fault = FaultOf(value.key); !fault.ok()) return fault;
  }
  values_read_ += static_cast<int>(values->size());
  return values;
}

absl::StatusOr<int64_t> FaultyStore::Write(const std::vector<StoreWrite>& writes) {
  std::vector<absl::string_view> keys;
  for (const StoreWrite& write : writes) keys.push_back(write.key);
  if (absl::Status status = Enter(keys, /*write=*/true); !status.ok()) return status;
  absl::StatusOr<int64_t> written = store_->Write(writes);
  MutexLock lock(mutex_);
  if (writes_ == lost_answer_) return absl::UnavailableError("the answer was lost");
  return written;
}

absl::StatusOr<std::unique_ptr<StoreWatch>> FaultyStore::Watch(
    absl::string_view prefix, int64_t after_revision,
    std::function<void(const StoreEvent&)> on_event) {
  if (absl::Status status = Enter({prefix}); !status.ok()) return status;
  return store_->Watch(prefix, after_revision, std::move(on_event));
}

absl::StatusOr<int64_t> FaultyStore::GrantLease(absl::Duration ttl) {
  if (absl::Status status = Enter({}); !status.ok()) return status;
  return store_->GrantLease(ttl);
}

absl::Status FaultyStore::KeepLeaseAlive(int64_t lease) {
  if (absl::Status status = Enter({}); !status.ok()) return status;
  return store_->KeepLeaseAlive(lease);
}

absl::Status FaultyStore::RevokeLease(int64_t lease) {
  if (absl::Status status = Enter({}); !status.ok()) return status;
  return store_->RevokeLease(lease);
}

}  // namespace gitops
