#include "common/store/sqlite_writer.h"

#include <algorithm>
#include <utility>

#include "common/store/sqlite_checkpointer.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

// Limits the duration of a commit, and the loss of a failed one.
constexpr size_t kMaxGroup = 256;

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteDatabase> database, Clock* clock, KeptChanges kept,
                           Hooks hooks)
    : database_(std::move(database)),
      clock_(clock),
      kept_(std::move(kept)),
      hooks_(std::move(hooks)) {
  database_->CountLogPages();
}

SqliteWriter::~SqliteWriter() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status SqliteWriter::EnsureThread() {
  if (thread_.joinable()) return absl::OkStatus();
  absl::StatusOr<std::thread> thread = StartThread("write to the store", [this] { Loop(); });
  if (!thread.ok()) return thread.status();
  thread_ = *std::move(thread);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteWriter::Run(const Operation& operation) {
  const auto request = std::make_shared<Request>();
  request->operation = &operation;
  {
    MutexLock lock(mutex_);
    if (absl::Status started = EnsureThread(); !started.ok()) return started;
    queue_.push_back(request);
  }
  wake_.NotifyOne();
  MutexLock lock(request->mutex);
  while (!request->done) request->finished.Wait(request->mutex);
  return std::move(request->result);
}

void SqliteWriter::Loop() {
  while (true) {
    Group group;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) wake_.Wait(mutex_);
      if (queue_.empty()) return;
      const size_t size = std::min(queue_.size(), kMaxGroup);
      group.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(size));
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    CommitGroup(group);
    for (const std::shared_ptr<Request>& request : group) {
      {
        MutexLock lock(request->mutex);
        request->done = true;
      }
      // Not with the lock held: the waiter would wake up only to wait for the lock.
      request->finished.NotifyOne();
    }
    NoteLog();
  }
}

void SqliteWriter::CommitGroup(const Group& group) {
  bool begun = false;
  absl::Status status = TryCommit(group, begun);
  if (status.ok()) return;
  if (begun && group.size() > 1) {
    // A write that does not fit on the disk must not fail other writes.
    for (const std::shared_ptr<Request>& request : group) CommitGroup({request});
    return;
  }
  for (const std::shared_ptr<Request>& request : group) request->result = status;
}

absl::Status SqliteWriter::TryCommit(const Group& group, bool& begun) {
  SqliteTransaction transaction(database_.get(), *clock_, kept_);
  if (absl::Status status = transaction.Begin(); !status.ok()) return status;
  begun = true;
  for (const std::shared_ptr<Request>& request : group) {
    request->result = (*request->operation)(transaction);
    if (IsDatabaseError(request->result.status())) return request->result.status();
  }
  absl::StatusOr<SteadyTime> next_lease_end = transaction.NextLeaseEnd();
  if (!next_lease_end.ok()) return next_lease_end.status();
  if (absl::Status status = transaction.Commit(hooks_.limit_trim); !status.ok()) return status;
  hooks_.on_commit(transaction.revision(), *next_lease_end);
  return absl::OkStatus();
}

void SqliteWriter::NoteLog() {
  const int pages = database_->log_pages();
  hooks_.on_log(pages);
  if (pages < SqliteCheckpointer::kMaxPages) return;
  database_->Checkpoint(SQLITE_CHECKPOINT_PASSIVE).IgnoreError();
}

}  // namespace gitops
