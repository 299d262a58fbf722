#include "common/audit/audit_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/audit/audit_reads.h"
#include "common/audit/chain.h"
#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

constexpr size_t kMostWaiting = 10'000;
constexpr size_t kBatch = 1'000;
constexpr int kSentAtOnce = 500;
constexpr absl::Duration kStoreRetry = absl::Seconds(1);
constexpr absl::Duration kSendRetry = absl::Seconds(5);

}  // namespace

AuditLog::AuditLog(AuditStorageOptions storage, std::unique_ptr<AuditSink> sink)
    : storage_(std::move(storage)), sink_(std::move(sink)), clock_(storage_.options().clock) {
  MutexLock lock(mutex_);
  // What an earlier run has not sent.
  if (sink_ != nullptr) retry_send_ = SteadyTime::InfinitePast();
  if (absl::Status started = StartThread(); !started.ok()) {
    LogError("the audit starts with the next change", {{"error", std::string(started.message())}});
  }
}

AuditLog::~AuditLog() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
  if (absl::Status flushed = storage_.Flush(); !flushed.ok()) {
    LogWarning("the next start sends entries of the audit again",
               {{"error", std::string(flushed.message())}});
  }
}

absl::Status AuditLog::StartThread() {
  if (thread_.joinable()) return absl::OkStatus();
  absl::StatusOr<std::thread> thread = gitops::StartThread("store the audit", [this] { Loop(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> AuditLog::Record(record::v1::AuditEntry entry) {
  std::optional<absl::StatusOr<int64_t>> result;
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the program is stopping");
  if (absl::Status started = StartThread(); !started.ok()) return started;
  Add({.entry = std::move(entry), .result = &result});
  while (!result.has_value()) answered_.Wait(mutex_);
  return *result;
}

void AuditLog::RecordSoon(record::v1::AuditEntry entry) {
  MutexLock lock(mutex_);
  Add({.entry = std::move(entry)});
}

void AuditLog::RecordRefusal(record::v1::AuditEntry entry) {
  MutexLock lock(mutex_);
  ++refused_;
  if (!refusals_.Take(entry, clock_->SteadyNow())) return;
  Add({.entry = std::move(entry), .refusal = true});
}

void AuditLog::Add(Waiting waiting) {
  if (waiting.result == nullptr && waiting_.size() >= kMostWaiting) {
    ++lost_;
    return;
  }
  *waiting.entry.mutable_time() = ToTimestamp(clock_->Now());
  waiting_.push_back(std::move(waiting));
  wake_.NotifyAll();
}

void AuditLog::Settle() {
  MutexLock lock(mutex_);
  const auto settled = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !busy_ && (waiting_.empty() || !stored_.ok()) &&
           (retry_send_ == SteadyTime::Infinite() || !sent_.ok());
  };
  while (thread_.joinable() && !settled()) answered_.Wait(mutex_);
}

AuditLog::Condition AuditLog::condition() const {
  Condition condition;
  condition.head = storage_.head();
  if (sink_ != nullptr && condition.head.has_sent()) {
    condition.unsent = condition.head.count() - condition.head.sent();
  }
  MutexLock lock(mutex_);
  condition.refused = refused_;
  condition.unstored = static_cast<int64_t>(waiting_.size()) + lost_;
  condition.stored = stored_;
  condition.sent = sent_;
  return condition;
}

void AuditLog::Loop() {
  {
    // The head is known from the start on, and so is a store that cannot be used.
    const absl::Status opened = storage_.Take().status();
    MutexLock lock(mutex_);
    Tell(opened, stored_, "the audit cannot be opened, so changes are refused", "");
  }
  Batch batch;
  while (Await(batch)) {
    if (!batch.empty()) Store(std::move(batch));
    batch.clear();
    if (absl::Status pruned = storage_.Prune(); !pruned.ok()) {
      LogWarning("cannot remove old entries of the audit",
                 {{"error", std::string(pruned.message())}});
    }
    Send();
  }
}

bool AuditLog::Await(Batch& batch) {
  MutexLock lock(mutex_);
  busy_ = false;
  answered_.NotifyAll();
  const auto is_awaited = [](const Waiting& each) { return each.result != nullptr; };
  while (true) {
    const SteadyTime now = clock_->SteadyNow();
    for (record::v1::AuditEntry& count : refusals_.Due(now, clock_->Now(), stopping_)) {
      waiting_.push_back({.entry = std::move(count)});
    }
    if (stopping_ && waiting_.empty()) return false;
    const bool store =
        !waiting_.empty() && (stopping_ || retry_store_ <= now ||
                              std::any_of(waiting_.begin(), waiting_.end(), is_awaited));
    if (store || retry_send_ <= now) {
      const size_t size = store ? std::min(waiting_.size(), kBatch) : 0;
      const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(size);
      std::move(waiting_.begin(), end, std::back_inserter(batch));
      waiting_.erase(waiting_.begin(), end);
      busy_ = true;
      return true;
    }
    SteadyTime next = std::min(refusals_.next(), retry_send_);
    if (!waiting_.empty()) next = std::min(next, retry_store_);
    clock_->WaitUntil(mutex_, wake_, next);
  }
}

void AuditLog::Store(Batch batch) {
  std::vector<record::v1::AuditEntry> entries;
  int64_t lost = 0;
  {
    MutexLock lock(mutex_);
    lost = lost_;
  }
  for (const Waiting& each : batch) entries.push_back(each.entry);
  if (lost > 0) {
    record::v1::AuditEntry& note = entries.emplace_back();
    note.set_kind(record::v1::AuditEntry::KIND_NOTED);
    *note.mutable_time() = ToTimestamp(clock_->Now());
    note.set_more(lost);
    note.set_message(
        absl::StrCat(lost, " more entries were not stored, while the store did not work"));
  }
  if (const auto now = storage_.Take(); sink_ != nullptr && now.ok() && !now->head.has_sent()) {
    storage_.NoteSent(now->head.count());  // a sink gets what comes after its first use
  }
  const absl::Status stored = storage_.Append(entries);
  MutexLock lock(mutex_);
  Tell(stored, stored_, "the audit cannot be stored, so changes are refused",
       "the audit is stored again");
  if (stored.ok()) {
    lost_ -= lost;
    for (size_t i = 0; i < batch.size(); ++i) batch[i].entry.set_number(entries[i].number());
    if (sink_ != nullptr) retry_send_ = std::min(retry_send_, clock_->SteadyNow());
  } else {
    retry_store_ = clock_->SteadyNow() + kStoreRetry;
  }
  Answer(batch, stored);
}

void AuditLog::Answer(Batch& batch, const absl::Status& status) {
  for (auto each = batch.rbegin(); each != batch.rend(); ++each) {
    if (each->result != nullptr) {
      if (status.ok()) {
        *each->result = each->entry.number();
      } else {
        *each->result = status;
      }
    } else if (status.ok()) {
      if (each->refusal) refusals_.Stored(each->entry);
    } else if (stopping_) {
      LogError("the audit lacks an entry that could not be stored before the program stopped",
               {{"actor", each->entry.actor()},
                {"method", each->entry.method()},
                {"code", each->entry.code()}});
    } else {
      waiting_.push_front(std::move(*each));
    }
  }
  answered_.NotifyAll();
}

void AuditLog::Send() {
  if (sink_ == nullptr) return;
  absl::Status sent;
  const absl::StatusOr<AuditStorage::Snapshot> now = storage_.Take();
  if (now.ok()) {
    int64_t last = now->head.has_sent() ? now->head.sent() : now->head.count();
    sent = SendNext(last, now->head.count());
    storage_.NoteSent(last);
  } else {
    sent = now.status();
  }
  MutexLock lock(mutex_);
  Tell(sent, sent_, "the audit cannot be sent; it is sent when that works again",
       "the audit is sent again");
  retry_send_ = sent.ok() ? SteadyTime::Infinite() : clock_->SteadyNow() + kSendRetry;
}

absl::Status AuditLog::SendNext(int64_t& sent, int64_t count) {
  const absl::StatusOr<AuditStorage::Snapshot> now = storage_.Take();
  if (!now.ok()) return now.status();
  while (sent < count) {
    const auto page = now->store->List(kAuditEntries, AuditKey(sent), kSentAtOnce);
    if (!page.ok()) return page.status();
    if (page->empty()) break;
    for (const StoredValue& value : *page) {
      const absl::StatusOr<v1::AuditEntry> entry = ReadAuditEntry(value);
      // VerifyAudit reports those that were damaged.
      if (entry.ok()) {
        if (absl::Status status = sink_->Send(*entry); !status.ok()) return status;
      }
      sent = AuditNumber(value.key);
    }
  }
  sent = count;
  return absl::OkStatus();
}

// Once for each change.
void AuditLog::Tell(absl::Status status, absl::Status& told, const char* problem,
                    const char* solved) {
  if (!status.ok() && status.message() != told.message()) {
    LogError(problem, {{"error", std::string(status.message())}});
  } else if (status.ok() && !told.ok()) {
    LogInfo(solved);
  }
  told = std::move(status);
}

}  // namespace gitops
