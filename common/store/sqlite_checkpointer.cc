#include "common/store/sqlite_checkpointer.h"

#include <utility>

#include "absl/status/statusor.h"
#include "common/sync/start_thread.h"

namespace gitops {
namespace {

// How long the writer, or a reader, may hold up the end of a checkpoint, which then comes after
// another commit.
constexpr int kPatienceMilliseconds = 20;

}  // namespace

SqliteCheckpointer::SqliteCheckpointer(std::unique_ptr<SqliteDatabase> database)
    : database_(std::move(database)) {
  database_->SetPatience(kPatienceMilliseconds);
}

SqliteCheckpointer::~SqliteCheckpointer() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void SqliteCheckpointer::Note(int pages) {
  if (pages < kPages) return;
  MutexLock lock(mutex_);
  if (!thread_.joinable() && !stopping_) {
    absl::StatusOr<std::thread> thread = StartThread("move the log", [this] { Loop(); });
    // A later commit tries again; beyond kMaxPages, the writer moves the log itself.
    if (!thread.ok()) return;
    thread_ = *std::move(thread);
  }
  due_ = true;
  wake_.NotifyOne();
}

void SqliteCheckpointer::Loop() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!due_ && !stopping_) wake_.Wait(mutex_);
      if (stopping_) return;
      due_ = false;
    }
    // The last one holds up the writer, so that the log can begin anew: little is left for it to
    // move, and to make durable. Errors are those of the next write, or pass.
    database_->Checkpoint(SQLITE_CHECKPOINT_PASSIVE).IgnoreError();
    database_->Sync().IgnoreError();
    database_->Checkpoint(SQLITE_CHECKPOINT_FULL).IgnoreError();
  }
}

}  // namespace gitops
