#include "agent/operation/operation_memory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr char kFencingKey[] = "agent/v1/fencing";
constexpr char kPrefix[] = "agent/v1/operation/";
}  // namespace

OperationMemory::OperationMemory(Store* store, Clock* clock)
    : store_(store), clock_(clock), operations_(store, kPrefix) {}

absl::StatusOr<std::unique_ptr<OperationMemory>> OperationMemory::Load(Store* store, Clock* clock) {
  auto memory = std::unique_ptr<OperationMemory>(new OperationMemory(store, clock));
  if (absl::Status read = memory->ReadAll(); !read.ok()) return read;
  return memory;
}

absl::Status OperationMemory::ReadAll() {
  MutexLock lock(mutex_);
  absl::StatusOr<StoredValue> fencing = store_->Get(kFencingKey);
  if (!fencing.ok() && !absl::IsNotFound(fencing.status())) return fencing.status();
  if (fencing.ok() && !absl::SimpleAtoi(fencing->value, &fencing_)) {
    return DamagedRecord(kFencingKey, absl::StrCat("\"", fencing->value, "\" is not a number"));
  }
  std::map<std::string, absl::Time> begun;
  absl::Status read = operations_.ForEach("", "", [&](Table<record::v1::Operation>::Row& row) {
    // A damaged operation is removed after its time, counted from now.
    begun[row.name] = row.message.ok() ? FromTimestamp(row.message->begin_time()) : clock_->Now();
    return true;
  });
  if (read.ok()) begun_ = std::move(begun);
  return read;
}

int64_t OperationMemory::fencing() const {
  MutexLock lock(mutex_);
  return fencing_;
}

absl::Status OperationMemory::Admit(int64_t fencing) {
  MutexLock lock(mutex_);
  if (fencing < fencing_) {
    return MakeError(
        Reason::kFencingStale,
        absl::StrCat("the fencing number ", fencing, " is too low: this host has seen ", fencing_,
                     ", so another deployment has locked it since; nothing was done"));
  }
  if (fencing == fencing_) return absl::OkStatus();
  if (absl::Status near = CheckNear(fencing); !near.ok()) return near;
  absl::Status written = store_->Put(kFencingKey, absl::StrCat(fencing)).status();
  if (written.ok()) fencing_ = fencing;
  return written;
}

absl::Status OperationMemory::CheckNear(int64_t fencing) const {
  const absl::Time now = clock_->Now();
  if (fencing <= absl::ToUnixMicros(now + kMaxAhead)) return absl::OkStatus();
  if (fencing - fencing_ <= kMaxAbove) return absl::OkStatus();
  return MakeError(
      Reason::kFencingAhead,
      absl::StrCat("the fencing number ", fencing, " stands for ",
                   absl::FormatTime(absl::FromUnixMicros(fencing)),
                   ", more than a day ahead of this host's clock (", absl::FormatTime(now),
                   "): the planner's clock or this host's is wrong; correct it; nothing was done"));
}

absl::StatusOr<std::optional<record::v1::Operation>> OperationMemory::Find(
    const std::string& id) const {
  {
    MutexLock lock(mutex_);
    if (!begun_.contains(id)) return std::nullopt;
  }
  return operations_.Get(id);
}

std::vector<std::string> OperationMemory::Outdated(const std::string& newest) const {
  std::vector<std::pair<absl::Time, std::string>> others;
  for (const auto& [id, begun] : begun_) {
    if (id != newest) others.emplace_back(begun, id);
  }
  std::sort(others.begin(), others.end());
  const absl::Time oldest = clock_->Now() - kKeptFor;
  const size_t beyond =
      others.size() + 1 > kMaxKeptOperations ? others.size() + 1 - kMaxKeptOperations : 0;
  std::vector<std::string> outdated;
  for (size_t i = 0; i < others.size() && (i < beyond || others[i].first < oldest); ++i) {
    outdated.push_back(others[i].second);
  }
  return outdated;
}

absl::Status OperationMemory::Save(const std::string& id, const record::v1::Operation& operation) {
  MutexLock lock(mutex_);
  const std::vector<std::string> outdated = Outdated(id);
  std::vector<StoreWrite> writes = {operations_.Put(id, operation),
                                    {.key = kFencingKey, .value = absl::StrCat(fencing_)}};
  for (const std::string& old : outdated) writes.push_back(operations_.Delete(old));
  if (absl::Status written = store_->Write(writes).status(); !written.ok()) return written;
  begun_[id] = FromTimestamp(operation.begin_time());
  for (const std::string& old : outdated) begun_.erase(old);
  return absl::OkStatus();
}

}  // namespace gitops
