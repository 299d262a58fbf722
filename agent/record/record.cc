#include "agent/record/record.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/record/codec.h"

namespace gitops {
namespace {

// Only another Save of the same service can come between reading and writing.
constexpr int kSaveAttempts = 10;

absl::Status CheckName(const std::string& service) {
  if (!service.empty() && service.find('/') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("save the service \"", service, "\": its name is empty or has a '/'"));
}

std::string RecordKey(const std::string& service) {
  return absl::StrCat("agent/v1/service/", service);
}

std::string ChangePrefix(const std::string& service) {
  return absl::StrCat("agent/v1/change/", service, "/");
}

std::string ChangeKey(const std::string& service, int64_t sequence) {
  return absl::StrFormat("%s%020d", ChangePrefix(service), sequence);
}

absl::Status Unreadable(const std::string& key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("read ", key, " from the store: ", why));
}

struct Stored {
  record::v1::ServiceRecord message;
  int64_t revision = 0;  // 0: not there
  bool readable = true;
};

absl::StatusOr<Stored> Read(Store& store, const std::string& service) {
  Stored stored;
  absl::StatusOr<StoredValue> value = store.Get(RecordKey(service));
  if (absl::IsNotFound(value.status())) return stored;
  if (!value.ok()) return value.status();
  stored.revision = value->revision;
  stored.readable = stored.message.ParseFromString(value->value);
  return stored;
}

// Takes the range of changes from their keys, because the record that knew it is damaged.
absl::Status RecoverRange(Store& store, const std::string& service,
                          record::v1::ServiceRecord& message) {
  message.Clear();
  const std::string prefix = ChangePrefix(service);
  absl::StatusOr<std::vector<StoredValue>> changes = store.List(prefix);
  if (!changes.ok()) return changes.status();
  if (changes->empty()) return absl::OkStatus();
  int64_t oldest = 0;
  int64_t newest = 0;
  if (absl::SimpleAtoi(changes->front().key.substr(prefix.size()), &oldest) &&
      absl::SimpleAtoi(changes->back().key.substr(prefix.size()), &newest)) {
    message.set_oldest_change(oldest);
    message.set_newest_change(newest);
  }
  return absl::OkStatus();
}

void AddChange(const std::string& service, const ChangeRecord& change,
               record::v1::ServiceRecord& message, std::vector<StoreWrite>& writes) {
  const int64_t sequence = message.newest_change() + 1;
  message.set_newest_change(sequence);
  StoreWrite& added = writes.emplace_back();
  added.key = ChangeKey(service, sequence);
  added.value = EncodeChange(change).SerializeAsString();
  int64_t oldest = std::max<int64_t>(message.oldest_change(), 1);
  for (; oldest <= sequence - kKeptChanges; ++oldest) {
    writes.emplace_back().key = ChangeKey(service, oldest);
  }
  message.set_oldest_change(oldest);
}

}  // namespace

absl::StatusOr<std::optional<ServiceRecord>> RecordStore::Load(const std::string& service) {
  absl::StatusOr<Stored> stored = Read(*store_, service);
  if (!stored.ok()) return stored.status();
  if (stored->revision == 0) return std::nullopt;
  if (!stored->readable) return Unreadable(RecordKey(service), "it is damaged");
  absl::StatusOr<ServiceRecord> record = DecodeRecord(stored->message);
  if (!record.ok()) return Unreadable(RecordKey(service), record.status().message());
  return *std::move(record);
}

absl::Status RecordStore::Save(const std::string& service, const ServiceRecord& record,
                               const std::optional<ChangeRecord>& change) {
  if (absl::Status status = CheckName(service); !status.ok()) return status;
  absl::Status status;
  for (int attempt = 0; attempt < kSaveAttempts; ++attempt) {
    // Read first, to keep the fields that this agent does not know.
    absl::StatusOr<Stored> stored = Read(*store_, service);
    if (!stored.ok()) return stored.status();
    if (!stored->readable) {
      status = RecoverRange(*store_, service, stored->message);
      if (!status.ok()) return status;
    }
    EncodeRecord(record, stored->message);
    std::vector<StoreWrite> writes;
    if (change.has_value()) AddChange(service, *change, stored->message, writes);
    StoreWrite& write = writes.emplace_back();
    write.key = RecordKey(service);
    write.value = stored->message.SerializeAsString();
    write.expected_revision = stored->revision;
    status = store_->Write(writes).status();
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::UnavailableError(
      absl::StrCat("save the service ", service, ": others keep saving it: ", status.message()));
}

absl::StatusOr<std::vector<ChangeRecord>> RecordStore::Changes(const std::string& service) {
  absl::StatusOr<std::vector<StoredValue>> values = store_->List(ChangePrefix(service));
  if (!values.ok()) return values.status();
  std::vector<ChangeRecord> changes;
  for (auto value = values->rbegin(); value != values->rend(); ++value) {
    record::v1::ChangeRecord stored;
    if (!stored.ParseFromString(value->value)) return Unreadable(value->key, "it is damaged");
    absl::StatusOr<ChangeRecord> change = DecodeChange(stored);
    if (!change.ok()) return Unreadable(value->key, change.status().message());
    changes.push_back(*std::move(change));
  }
  return changes;
}

}  // namespace gitops
