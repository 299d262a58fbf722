#include "agent/record/record.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "agent/record/codec.h"

namespace gitops {
namespace {

using ChangeTable = Table<record::v1::ChangeRecord>;

// Only another Save of the same service can interfere between reading and writing.
constexpr int kSaveAttempts = 10;

absl::Status CheckName(const std::string& service) {
  if (!service.empty() && service.find('/') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("save the service \"", service, "\": its name is empty or has a '/'"));
}

// No part but the last may have a space.
std::string TipName(const BranchName& branch) {
  return absl::StrCat(branch.branch, " ", branch.user, " ", branch.upstream);
}

std::string ChangesOf(const std::string& service) { return absl::StrCat(service, "/"); }

std::string ChangeName(const std::string& service, int64_t sequence) {
  return absl::StrFormat("%s%020d", ChangesOf(service), sequence);
}

// Takes the range of changes from their keys, because the record with the range is damaged.
absl::StatusOr<record::v1::ServiceRecord> RecoverRange(const ChangeTable& table,
                                                       const std::string& service) {
  record::v1::ServiceRecord message;
  absl::StatusOr<std::vector<ChangeTable::Row>> changes = table.List(ChangesOf(service));
  if (!changes.ok()) return changes.status();
  if (changes->empty()) return message;
  const auto number = [&](const ChangeTable::Row& row) {
    int64_t sequence = 0;
    return absl::SimpleAtoi(absl::StripPrefix(row.name, ChangesOf(service)), &sequence) ? sequence
                                                                                        : 0;
  };
  message.set_oldest_change(number(changes->front()));
  message.set_newest_change(number(changes->back()));
  return message;
}

void AddChange(const ChangeTable& table, const std::string& service, const ChangeRecord& change,
               record::v1::ServiceRecord& message, std::vector<StoreWrite>& writes) {
  const int64_t sequence = message.newest_change() + 1;
  message.set_newest_change(sequence);
  writes.push_back(table.Put(ChangeName(service, sequence), EncodeChange(change)));
  int64_t oldest = std::max<int64_t>(message.oldest_change(), 1);
  for (; oldest <= sequence - kKeptChanges; ++oldest) {
    writes.push_back(table.Delete(ChangeName(service, oldest)));
  }
  message.set_oldest_change(oldest);
}

}  // namespace

RecordStore::RecordStore(Store* store)
    : store_(store),
      records_(store, "agent/v1/service/"),
      changes_(store, "agent/v1/change/"),
      tips_(store, "agent/v1/tip/") {}

absl::StatusOr<std::optional<ServiceRecord>> RecordStore::Load(const std::string& service) {
  absl::StatusOr<record::v1::ServiceRecord> stored = records_.Get(service);
  if (absl::IsNotFound(stored.status())) return std::nullopt;
  if (!stored.ok()) return stored.status();
  absl::StatusOr<ServiceRecord> record = DecodeRecord(*stored);
  if (!record.ok()) return DamagedRecord(records_.Key(service), record.status().message());
  return *std::move(record);
}

absl::Status RecordStore::Save(const std::string& service, const ServiceRecord& record,
                               const std::optional<ChangeRecord>& change) {
  if (absl::Status status = CheckName(service); !status.ok()) return status;
  absl::Status status;
  for (int attempt = 0; attempt < kSaveAttempts; ++attempt) {
    // Read first, to keep fields that this agent does not know.
    absl::StatusOr<Table<record::v1::ServiceRecord>::Row> before = records_.Find(service);
    if (!before.ok() && !absl::IsNotFound(before.status())) return before.status();
    absl::StatusOr<record::v1::ServiceRecord> stored = record::v1::ServiceRecord();
    if (before.ok()) {
      stored = before->message.ok() ? before->message : RecoverRange(changes_, service);
    }
    if (!stored.ok()) return stored.status();
    EncodeRecord(record, *stored);
    std::vector<StoreWrite> writes;
    if (change.has_value()) AddChange(changes_, service, *change, *stored, writes);
    writes.push_back(records_.Put(service, *stored));
    writes.back().expected_revision = before.ok() ? before->revision : 0;
    status = store_->Write(writes).status();
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::UnavailableError(
      absl::StrCat("save the service ", service, ": others keep saving it: ", status.message()));
}

absl::Status RecordStore::SaveTip(const BranchName& branch, const std::string& hash,
                                  const std::set<std::string>& except) {
  record::v1::VerifiedTip tip;
  tip.set_upstream(branch.upstream);
  tip.set_user(branch.user);
  tip.set_branch(branch.branch);
  tip.set_hash(hash);
  for (const std::string& service : except) tip.add_except(service);
  return store_->Write({tips_.Put(TipName(branch), tip)}).status();
}

absl::StatusOr<std::optional<std::string>> RecordStore::VerifiedTip(const std::string& service,
                                                                    const BranchName& branch) {
  const auto tip = tips_.Find(TipName(branch));
  if (absl::IsNotFound(tip.status())) return std::nullopt;
  if (!tip.ok()) return tip.status();
  const auto record = records_.Find(service);
  if (absl::IsNotFound(record.status())) return std::nullopt;
  if (!record.ok()) return record.status();
  // A damaged tip is only less than what the service's own record says.
  if (!tip->message.ok() || tip->revision < record->revision) return std::nullopt;
  for (const std::string& other : tip->message->except()) {
    if (other == service) return std::nullopt;
  }
  return tip->message->hash();
}

absl::StatusOr<std::vector<ChangeRecord>> RecordStore::Changes(const std::string& service) {
  absl::StatusOr<std::vector<ChangeTable::Row>> rows = changes_.List(ChangesOf(service));
  if (!rows.ok()) return rows.status();
  std::vector<ChangeRecord> changes;
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    if (!row->message.ok()) return row->message.status();
    absl::StatusOr<ChangeRecord> change = DecodeChange(*row->message);
    if (!change.ok()) return DamagedRecord(changes_.Key(row->name), change.status().message());
    changes.push_back(*std::move(change));
  }
  return changes;
}

}  // namespace gitops
