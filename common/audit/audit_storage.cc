#include "common/audit/audit_storage.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/chain.h"
#include "common/audit/checkpoint.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/store/kept_changes.h"
#include "common/store/table.h"
#include "common/text/random_hex.h"
#include "common/text/sha256.h"

namespace gitops {
namespace {

// What one call of Prune() removes at most.
constexpr int kPruned = 256;
constexpr absl::Duration kPruneEvery = absl::Hours(1);

absl::StatusOr<std::unique_ptr<Store>> OpenFile(const std::string& file, Clock* clock) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot create the directory of ", file, ": ",
                                               error.message(),
                                               "; use a directory that this account can write"));
  }
  // Nobody watches it.
  return OpenSqliteStore({.path = file, .clock = clock}, {.none = {"audit/"}});
}

template <typename Message>
absl::StatusOr<std::optional<Message>> Read(Store& store, absl::string_view key) {
  const absl::StatusOr<StoredValue> value = store.Get(key);
  if (absl::IsNotFound(value.status())) return std::nullopt;
  if (!value.ok()) return value.status();
  Message message;
  if (!message.ParseFromString(value->value)) return DamagedRecord(key);
  return message;
}

StoreWrite PutHead(const record::v1::AuditHead& head) {
  return {.key = std::string(kAuditHead), .value = head.SerializeAsString()};
}

}  // namespace

AuditStorage::AuditStorage(AuditStorageOptions options) : options_(std::move(options)) {}

absl::Status AuditStorage::Open() {
  if (store_ == nullptr) {
    auto store = options_.open ? options_.open() : OpenFile(options_.file, options_.clock);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
  }
  return head_known_ ? absl::OkStatus() : ReadHead();
}

absl::Status AuditStorage::ReadHead() {
  auto stored = Read<record::v1::AuditHead>(*store_, kAuditHead);
  if (absl::IsDataLoss(stored.status())) stored = std::optional<record::v1::AuditHead>();
  if (!stored.ok()) return stored.status();
  if (stored->has_value()) {
    head_ = **std::move(stored);
  } else {
    record::v1::AuditHead head;
    if (absl::Status found = FindLost(head); !found.ok()) return found;
    head_ = std::move(head);
  }
  head_known_ = true;
  return absl::OkStatus();
}

// A new audit, or one whose head somebody removed or damaged: goes on after the last entry.
absl::Status AuditStorage::FindLost(record::v1::AuditHead& head) {
  head.set_chain(RandomHex(16));
  auto checkpoint = Read<record::v1::AuditCheckpoint>(*store_, kAuditCheckpoint);
  if (checkpoint.ok() && checkpoint->has_value()) {
    head.set_count((*checkpoint)->number());
    head.set_hash((*checkpoint)->hash());
  }
  absl::Status read = ForEachValue(*store_, kAuditEntries, "", [&](const StoredValue& value) {
    head.set_count(std::max(head.count(), AuditNumber(value.key)));
    head.set_hash(Sha256Hex(value.value));
    head.set_stored_bytes(head.stored_bytes() + static_cast<int64_t>(value.value.size()));
    return true;
  });
  if (read.ok() && head.count() > 0) {
    LogError("the audit has lost its head: a new chain begins after the last entry",
             {{"file", options_.file}, {"entries", absl::StrCat(head.count())}});
  }
  return read;
}

absl::Status AuditStorage::Append(std::vector<record::v1::AuditEntry>& entries) {
  const absl::StatusOr<Snapshot> now = Take();
  if (!now.ok()) return now.status();
  record::v1::AuditHead head = now->head;
  std::vector<StoreWrite> writes;
  writes.reserve(entries.size() + 1);
  for (record::v1::AuditEntry& entry : entries) {
    entry.set_number(head.count() + 1);
    entry.set_previous_hash(head.hash());
    std::string bytes = entry.SerializeAsString();
    head.set_count(entry.number());
    head.set_hash(Sha256Hex(bytes));
    head.set_stored_bytes(head.stored_bytes() + static_cast<int64_t>(bytes.size()));
    writes.push_back({.key = AuditKey(entry.number()), .value = std::move(bytes)});
  }
  writes.push_back(PutHead(head));
  const absl::StatusOr<int64_t> written = now->store->Write(writes);
  MutexLock lock(mutex_);
  if (!written.ok()) {
    head_known_ = false;  // perhaps it was written all the same
    return written.status();
  }
  head_ = std::move(head);
  sent_unsaved_ = false;
  return absl::OkStatus();
}

void AuditStorage::NoteSent(int64_t sent) {
  MutexLock lock(mutex_);
  if (head_.has_sent() && head_.sent() == sent) return;
  head_.set_sent(sent);
  sent_unsaved_ = true;
}

absl::Status AuditStorage::Flush() {
  {
    MutexLock lock(mutex_);
    if (!sent_unsaved_) return absl::OkStatus();
  }
  std::vector<record::v1::AuditEntry> none;
  return Append(none);
}

absl::Status AuditStorage::Prune() {
  const absl::Time time = options_.clock->Now();
  const absl::StatusOr<Snapshot> now = Take();
  if (!now.ok()) return now.status();
  if (now->head.stored_bytes() <= options_.most_bytes && time < next_age_) return absl::OkStatus();
  {
    MutexLock lock(mutex_);
    if (kept_.use_count() > 1) return absl::OkStatus();
  }
  record::v1::AuditHead head = now->head;
  absl::StatusOr<std::vector<StoreWrite>> writes = Removals(*now->store, head);
  if (!writes.ok()) return writes.status();
  if (writes->empty()) return absl::OkStatus();
  writes->push_back(PutHead(head));
  const absl::StatusOr<int64_t> written = now->store->Write(*writes);
  MutexLock lock(mutex_);
  if (!written.ok()) {
    head_known_ = false;
    return written.status();
  }
  head_ = std::move(head);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoreWrite>> AuditStorage::Removals(Store& store,
                                                               record::v1::AuditHead& head) {
  const absl::Time now = options_.clock->Now();
  const absl::StatusOr<std::vector<StoredValue>> oldest = store.List(kAuditEntries, "", kPruned);
  if (!oldest.ok()) return oldest.status();
  std::vector<StoreWrite> writes;
  int64_t last = 0;
  std::string hash;
  next_age_ = now + kPruneEvery;
  for (const StoredValue& value : *oldest) {
    record::v1::AuditEntry entry;
    const int64_t number = AuditNumber(value.key);
    // What was tampered with stays, for VerifyAudit to find.
    if (!entry.ParseFromString(value.value) || entry.number() != number) break;
    const absl::Time old = FromTimestamp(entry.time()) + options_.keep;
    // The last entry stays, so that there is always one to go on from.
    if (number == head.count()) break;
    if (old > now && head.stored_bytes() <= options_.most_bytes) {
      next_age_ = std::min(next_age_, old);
      break;
    }
    last = number;
    hash = Sha256Hex(value.value);
    head.set_stored_bytes(head.stored_bytes() - static_cast<int64_t>(value.value.size()));
    writes.push_back({.key = value.key});
  }
  if (writes.empty()) return writes;
  if (writes.size() == static_cast<size_t>(kPruned)) next_age_ = now;
  writes.push_back(
      {.key = std::string(kAuditCheckpoint),
       .value =
           MakeCheckpoint(head.chain(), last, hash, options_.tls_dir, now).SerializeAsString()});
  return writes;
}

absl::StatusOr<AuditStorage::Snapshot> AuditStorage::Take() {
  MutexLock lock(mutex_);
  if (absl::Status opened = Open(); !opened.ok()) return opened;
  return Snapshot{store_, head_};
}

record::v1::AuditHead AuditStorage::head() const {
  MutexLock lock(mutex_);
  return head_;
}

std::shared_ptr<void> AuditStorage::KeepAll() {
  MutexLock lock(mutex_);
  return kept_;
}

}  // namespace gitops
