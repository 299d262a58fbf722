#include "agent/record/record.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "agent/record/codec.h"
#include "agent/record/utf8_repair.h"
#include "agent/state/decide.h"
#include "common/git/commit_message.h"
#include "common/log/log.h"

namespace gitops {
namespace {

using google::protobuf::util::MessageDifferencer;
using ChangeTable = Table<record::v1::ChangeRecord>;

constexpr char kAgent[] = "agent";

// Only another Save of the same service can interfere between reading and writing.
constexpr int kMaxAttempts = 10;

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

// What must survive a damaged record.
record::v1::ServiceRecord CopyOf(const record::v1::ServiceRecord& record) {
  record::v1::ServiceRecord copy;
  copy.set_frozen(record.frozen());
  copy.set_frozen_by(record.frozen_by());
  if (record.has_frozen_by_principal()) {
    *copy.mutable_frozen_by_principal() = record.frozen_by_principal();
  }
  copy.set_freeze_reason(record.freeze_reason());
  copy.set_pinned(record.pinned());
  copy.set_coordinated(record.coordinated());
  copy.set_hash(record.hash());
  copy.set_published(record.published());
  copy.set_last_good(record.last_good());
  *copy.mutable_links() = record.links();
  return copy;
}

ServiceRecord FromCopy(const record::v1::ServiceRecord& copy) {
  ServiceRecord record = DecodeRecord(copy);
  // It may have been published without being activated.
  if (record.published != record.last_good) record.pending = record.published;
  return Settled(std::move(record));
}

// Frozen: the history does not tell for sure whether it was.
ServiceRecord FromChange(const ChangeRecord& change) {
  ServiceRecord record;
  record.hash = record.published = record.last_good = change.to_hash;
  record.frozen = true;
  record.frozen_by = kAgent;
  return Settled(std::move(record));
}

void WarnOfTip(const std::string& branch, const absl::Status& error) {
  LogWarning("the services of a branch are verified again, as its stored tip cannot be read",
             {{"branch", branch}, {"error", std::string(error.message())}});
}

// Parses `stored`, with texts repaired if necessary.
template <typename Message>
bool ParseRepaired(absl::string_view stored, Message& message) {
  const std::string repaired = RepairedUtf8(*Message::descriptor(), stored);
  return !repaired.empty() && message.ParseFromString(repaired);
}

void AddChange(const ChangeTable& table, const std::string& service, const ChangeRecord& change,
               record::v1::ServiceRecord& message, std::vector<StoreWrite>& writes) {
  const int64_t sequence = message.newest_change() + 1;
  message.set_newest_change(sequence);
  writes.push_back(table.Put(ChangeName(service, sequence), EncodeChange(change)));
  int64_t oldest = std::max<int64_t>(message.oldest_change(), 1);
  for (; oldest <= sequence - kMaxKeptChanges; ++oldest) {
    writes.push_back(table.Delete(ChangeName(service, oldest)));
  }
  message.set_oldest_change(oldest);
}

}  // namespace

RecordStore::RecordStore(Store* store)
    : store_(store),
      records_(store, "agent/v1/service/"),
      copies_(store, "agent/v1/copy/"),
      changes_(store, "agent/v1/change/"),
      tips_(store, "agent/v1/tip/") {}

absl::StatusOr<std::optional<ServiceRecord>> RecordStore::Load(const std::string& service,
                                                               std::string* rebuilt) {
  absl::StatusOr<StoredValue> stored = store_->Get(records_.Key(service));
  if (absl::IsNotFound(stored.status())) return std::nullopt;
  // SQLite takes a disk that cannot be read for a damaged file. That says nothing about this
  // record.
  if (absl::IsDataLoss(stored.status())) {
    return absl::UnavailableError(stored.status().message());
  }
  if (!stored.ok()) return stored.status();
  record::v1::ServiceRecord message;
  if (!message.ParseFromString(stored->value) || message.state() == 0) {
    return Rebuild(service, stored->value, rebuilt);
  }
  ServiceRecord record = DecodeRecord(message);
  const absl::StatusOr<State> state = DecodeState(message.state());
  if (state.ok() || record.frozen) return record;
  LogError("a service is frozen until an unfreeze",
           {{"service", service}, {"error", std::string(state.status().message())}});
  return OnFreeze(std::move(record), kAgent);
}

absl::StatusOr<ServiceRecord> RecordStore::Rebuild(const std::string& service,
                                                   absl::string_view stored, std::string* rebuilt) {
  const auto rebuilt_from = [&](ServiceRecord record, absl::string_view from) {
    if (rebuilt != nullptr) {
      *rebuilt = absl::StrCat("its stored record was damaged; it was rebuilt from ", from);
    }
    LogError("the stored record of a service is damaged",
             {{"service", service}, {"rebuilt", std::string(from)}});
    return record;
  };
  record::v1::ServiceRecord message;
  if (ParseRepaired(stored, message) && DecodeState(message.state()).ok()) {
    return rebuilt_from(DecodeRecord(message), "itself, with texts that were not UTF-8 escaped");
  }
  const absl::StatusOr<record::v1::ServiceRecord> copy = copies_.Get(service);
  if (copy.ok()) return rebuilt_from(FromCopy(*copy), "its copy");
  if (!absl::IsNotFound(copy.status()) && !absl::IsDataLoss(copy.status())) return copy.status();
  const absl::StatusOr<std::vector<ChangeRecord>> changes = Changes(service);
  if (!changes.ok()) return changes.status();
  if (changes->empty()) return DamagedRecord(records_.Key(service));
  return rebuilt_from(FromChange(changes->front()), "its history, and is frozen until an unfreeze");
}

absl::StatusOr<std::vector<StoreWrite>> RecordStore::WritesOf(
    const std::string& service, const ServiceRecord& record,
    const std::optional<ChangeRecord>& change) {
  if (absl::Status status = CheckName(service); !status.ok()) return status;
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
  const StoreWrite copy = copies_.Put(service, CopyOf(*stored));
  const absl::StatusOr<StoredValue> copied = store_->Get(copy.key);
  if (!copied.ok() || copied->value != copy.value) writes.push_back(copy);
  return writes;
}

absl::Status RecordStore::Save(const std::string& service, const ServiceRecord& record,
                               const std::optional<ChangeRecord>& change) {
  absl::Status status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const auto writes = WritesOf(service, record, change);
    if (!writes.ok()) return writes.status();
    status = store_->Write(*writes).status();
    if (!absl::IsFailedPrecondition(status)) return status;
  }
  return absl::UnavailableError(
      absl::StrCat("save the service ", service, ": others keep saving it: ", status.message()));
}

std::vector<absl::Status> RecordStore::SaveAll(const std::vector<Saving>& all) {
  std::vector<absl::Status> results(all.size());
  const bool together = all.size() > 1;
  if (together && SaveTogether(all).ok()) return results;
  // One that cannot be stored must not fail the others.
  for (size_t i = 0; i < all.size(); ++i) {
    if (together && IsStored(all[i])) continue;
    results[i] = Save(all[i].service, all[i].record, all[i].change);
  }
  return results;
}

bool RecordStore::IsStored(const Saving& saving) const {
  const auto stored = records_.Get(saving.service);
  if (!stored.ok()) return false;
  record::v1::ServiceRecord wanted = *stored;
  EncodeRecord(saving.record, wanted);
  if (!MessageDifferencer::Equals(wanted, *stored)) return false;
  if (!saving.change.has_value()) return true;
  const auto newest = changes_.Get(ChangeName(saving.service, stored->newest_change()));
  return newest.ok() && MessageDifferencer::Equals(*newest, EncodeChange(*saving.change));
}

absl::Status RecordStore::SaveTogether(const std::vector<Saving>& all) {
  std::vector<StoreWrite> together;
  for (const Saving& one : all) {
    auto writes = WritesOf(one.service, one.record, one.change);
    if (!writes.ok()) return writes.status();
    std::move(writes->begin(), writes->end(), std::back_inserter(together));
  }
  return store_->Write(together).status();
}

absl::Status RecordStore::SaveTip(const BranchName& branch, const std::string& hash,
                                  const CommitInfo& commit, const Generations& services) {
  record::v1::VerifiedTip tip;
  tip.set_upstream(branch.upstream);
  tip.set_user(branch.user);
  tip.set_branch(branch.branch);
  tip.set_hash(hash);
  if (commit.hash == hash) WriteCommit(commit, *tip.mutable_commit());
  for (const auto& [service, generation] : services) {
    tip.add_services(service);
    tip.add_generations(generation);
  }
  const std::string name = TipName(branch);
  if (auto written = store_->Write({tips_.Put(name, tip)}); !written.ok()) return written.status();
  MutexLock lock(mutex_);
  AddTip(name, tip, newest_);
  read_.insert(name);
  return absl::OkStatus();
}

std::optional<RecordStore::Tip> RecordStore::VerifiedTip(const std::string& service,
                                                         const BranchName& branch) {
  const std::string name = TipName(branch);
  MutexLock lock(mutex_);
  if (!listed_.ok() && !absl::IsDataLoss(listed_)) listed_ = ListTips();
  if (!listed_.ok()) ReadTip(name);
  const auto found = newest_.find(service);
  if (found == newest_.end()) return std::nullopt;
  const auto& [at, generation] = found->second;
  if (at->branch != name) return Tip{"", generation, {}};
  return Tip{at->hash, generation, at->commit};
}

absl::Status RecordStore::ListTips() {
  ServiceTips newest;
  const absl::Status listed = tips_.ForEach("", "", [&](const TipRow& row) {
    AddRow(row, newest);
    return true;
  });
  if (listed.ok()) newest_ = std::move(newest);
  return listed;
}

// For where one row that cannot be read keeps all from being listed.
void RecordStore::ReadTip(const std::string& branch) {
  if (read_.contains(branch)) return;
  const absl::StatusOr<TipRow> row = tips_.Find(branch);
  if (row.ok()) AddRow(*row, newest_);
  const bool known = row.ok() || absl::IsNotFound(row.status());
  if (known || absl::IsDataLoss(row.status())) read_.insert(branch);
  if (!known) WarnOfTip(branch, row.status());
}

void RecordStore::AddRow(const TipRow& row, ServiceTips& newest) {
  if (row.message.ok()) return AddTip(row.name, *row.message, newest);
  WarnOfTip(row.name, row.message.status());
}

void RecordStore::AddTip(const std::string& branch, const record::v1::VerifiedTip& tip,
                         ServiceTips& newest) {
  if (tip.generations_size() != tip.services_size()) return;
  const auto at =
      std::make_shared<const BranchTip>(BranchTip{branch, tip.hash(), ReadCommit(tip.commit())});
  for (int i = 0; i < tip.services_size(); ++i) {
    ServiceTip& known = newest[tip.services(i)];
    if (known.at == nullptr || tip.generations(i) >= known.generation) {
      known = {at, tip.generations(i)};
    }
  }
}

absl::StatusOr<std::vector<ChangeRecord>> RecordStore::Changes(const std::string& service) {
  absl::StatusOr<std::vector<ChangeTable::Row>> rows = changes_.List(ChangesOf(service));
  if (!rows.ok()) return rows.status();
  std::vector<ChangeRecord> changes;
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    absl::StatusOr<record::v1::ChangeRecord> message = std::move(row->message);
    if (!message.ok()) message = RepairedChange(changes_.Key(row->name));
    absl::StatusOr<ChangeRecord> change =
        message.ok() ? DecodeChange(*message) : absl::StatusOr<ChangeRecord>(message.status());
    if (change.ok()) {
      changes.push_back(*std::move(change));
    } else {
      LogWarning("an entry of a service's history cannot be read",
                 {{"service", service}, {"error", std::string(change.status().message())}});
    }
  }
  return changes;
}

absl::StatusOr<record::v1::ChangeRecord> RecordStore::RepairedChange(const std::string& key) {
  const absl::StatusOr<StoredValue> stored = store_->Get(key);
  if (!stored.ok()) return stored.status();
  record::v1::ChangeRecord message;
  if (!ParseRepaired(stored->value, message)) return DamagedRecord(key);
  return message;
}

}  // namespace gitops
