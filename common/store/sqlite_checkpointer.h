#ifndef GITOPS_COMMON_STORE_SQLITE_CHECKPOINTER_H_
#define GITOPS_COMMON_STORE_SQLITE_CHECKPOINTER_H_

#include <memory>
#include <thread>

#include "common/store/sqlite_database.h"
#include "common/sync/mutex.h"

namespace gitops {

// Moves what is in the write-ahead log into the database file, beside the writer: SQLite's own
// checkpoints hold up the commit after which they come. Its thread is started with the first one.
// Thread-safe.
class SqliteCheckpointer {
 public:
  // A deployment over 1,000 hosts writes about 2,000 pages, most of them several times. Each
  // checkpoint writes each page once.
  static constexpr int kPages = 4000;
  // A log that grows faster than it is moved. The writer waits for a checkpoint then.
  static constexpr int kMaxPages = 4 * kPages;

  // `database` is a connection of its own.
  explicit SqliteCheckpointer(std::unique_ptr<SqliteDatabase> database);
  // Waits for a checkpoint in progress.
  ~SqliteCheckpointer();

  // The log has this many pages after a commit.
  void Note(int pages);

 private:
  void Loop();

  const std::unique_ptr<SqliteDatabase> database_;
  Mutex mutex_;
  CondVar wake_;
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_CHECKPOINTER_H_
