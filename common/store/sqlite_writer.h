#ifndef GITOPS_COMMON_STORE_SQLITE_WRITER_H_
#define GITOPS_COMMON_STORE_SQLITE_WRITER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/store/kept_changes.h"
#include "common/store/sqlite_database.h"
#include "common/store/sqlite_transaction.h"
#include "common/sync/mutex.h"

namespace gitops {

// The only thread that writes, started by the first operation. Operations that arrive during a
// commit share the next one, so that many callers cost one fsync.
class SqliteWriter {
 public:
  // Makes changes in the transaction. May run twice, if its group had to be rolled back.
  using Operation = std::function<absl::StatusOr<int64_t>(SqliteTransaction&)>;

  // All are called on the writer's thread, and must not call Run.
  struct Hooks {
    // See SqliteTransaction::Commit.
    std::function<int64_t(int64_t)> limit_trim;
    // After each commit: the last revision, and when the next lease ends.
    std::function<void(int64_t, SteadyTime)> on_commit;
    // After each commit: the pages of the write-ahead log.
    std::function<void(int)> on_log;
  };

  SqliteWriter(std::unique_ptr<SqliteDatabase> database, Clock* clock, KeptChanges kept,
               Hooks hooks);
  // Finishes all pending operations.
  ~SqliteWriter();

  // Returns the operation's result once it is durable. An error of one operation does not affect
  // others. UNAVAILABLE: the thread cannot be started; the next operation tries it again.
  absl::StatusOr<int64_t> Run(const Operation& operation);

 private:
  struct Request {
    const Operation* operation;
    absl::StatusOr<int64_t> result = absl::UnknownError("not run");
    // Of its own, so that many waiters that are woken together do not wait for one lock.
    Mutex mutex;
    CondVar finished;
    bool done ABSL_GUARDED_BY(mutex) = false;
  };

  // Shared with the waiter, which is woken after its request is unlocked.
  using Group = std::vector<std::shared_ptr<Request>>;

  absl::Status EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();
  void CommitGroup(const Group& group);
  // Sets `begun` once the transaction has started, so that a later error belongs to one of its
  // operations.
  absl::Status TryCommit(const Group& group, bool& begun);
  void NoteLog();

  const std::unique_ptr<SqliteDatabase> database_;
  Clock* const clock_;
  const KeptChanges kept_;
  const Hooks hooks_;

  Mutex mutex_;
  CondVar wake_;
  std::deque<std::shared_ptr<Request>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_WRITER_H_
