#ifndef GITOPS_COMMON_STORE_SQLITE_WATCH_H_
#define GITOPS_COMMON_STORE_SQLITE_WATCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/store/sqlite_reader.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"

namespace gitops {

// Delivers changes to watches, on one thread that is started with the first watch. It reads them
// from the store's table of changes, so a slow callback costs no memory, and old changes can be
// delivered again. Thread-safe.
class SqliteWatchHub : public std::enable_shared_from_this<SqliteWatchHub> {
 public:
  struct Options {
    // Other processes may write the file: look for their changes while there are watches.
    bool shared = false;
    // Called on the callback thread when another process has written.
    std::function<void()> on_foreign_change;
  };

  SqliteWatchHub(SqliteReader* reader, Options options);
  ~SqliteWatchHub();

  // See Store::Watch.
  absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      absl::string_view prefix, int64_t after_revision,
      std::function<void(const StoreEvent&)> on_event);

  // This process has committed up to `revision`.
  void OnCommit(int64_t revision);

  // Returns the revision, at most `revision`, up to which changes may be dropped because every
  // watch has received them. From now on no watch can start there.
  int64_t LimitTrim(int64_t revision);

  // No callback runs after this. Watches may outlive it; `reader` may be destroyed.
  void Stop();

 private:
  class Handle;

  struct Watcher {
    std::string prefix;
    int64_t told;  // all changes up to this revision were delivered
    std::function<void(const StoreEvent&)> on_event;
    bool active = false;  // false until it is certain that none of its changes was trimmed
  };

  int64_t Add(Watcher watcher) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remove(int64_t id);
  void Loop();
  void AwaitWork();
  bool HasWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookForForeignChanges();
  void TellAll();
  bool Tell(int64_t id);
  bool Call(int64_t id, const StoreEvent& event);

  SqliteReader* const reader_;
  const Options options_;
  int64_t data_version_ = 0;  // only used by the thread

  Mutex mutex_;
  CondVar wake_;
  CondVar called_;
  std::map<int64_t, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t calling_ ABSL_GUARDED_BY(mutex_) = 0;  // the watch whose callback runs
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;
  bool retry_ ABSL_GUARDED_BY(mutex_) = false;  // a read failed: retry after a pause
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_WATCH_H_
