#ifndef GITOPS_COMMON_AUDIT_AUDIT_STORAGE_H_
#define GITOPS_COMMON_AUDIT_AUDIT_STORAGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/audit.pb.h"

namespace gitops {

struct AuditStorageOptions {
  // The SQLite file; its directory is created if it is missing.
  std::string file;
  // Of the program, for the signature of checkpoints; empty: they are not signed.
  std::string tls_dir;
  // Entries that are older are removed, and the oldest ones while all have more bytes than this.
  absl::Duration keep = absl::Hours(24 * 400);
  int64_t most_bytes = 256 << 20;
  Clock* clock = Clock::System();  // not owned
  // Opens the store; empty: SQLite's. For tests.
  std::function<absl::StatusOr<std::unique_ptr<Store>>()> open = {};
};

// The entries of an audit in a store of their own, with head and checkpoint (chain.h). A store that
// cannot be opened or written is tried again with the next call.
//
// One thread at a time may write; reads come from any thread. Errors as those of Store.
class AuditStorage {
 public:
  explicit AuditStorage(AuditStorageOptions options);

  // Gives the entries their numbers and the hashes of those before them, and stores all or none.
  // They are durable when this returns.
  absl::Status Append(std::vector<record::v1::AuditEntry>& entries);

  // Stores that --audit-to has the entries up to `sent`, with the next Append.
  void NoteSent(int64_t sent);
  // Stores what Append has not stored yet.
  absl::Status Flush();

  // Removes some of what is too old or too much. Costs nothing where nothing is.
  absl::Status Prune();

  struct Snapshot {
    std::shared_ptr<Store> store;
    record::v1::AuditHead head;
  };
  // Opens the store if it is not.
  absl::StatusOr<Snapshot> Take();
  // Without opening it: empty until it is open.
  record::v1::AuditHead head() const;

  // While one of these exists, nothing is pruned.
  std::shared_ptr<void> KeepAll();

  const AuditStorageOptions& options() const { return options_; }

 private:
  absl::Status Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadHead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FindLost(record::v1::AuditHead& head) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The writes that remove the oldest entries which are too old or too much; sets what then is.
  absl::StatusOr<std::vector<StoreWrite>> Removals(Store& store, record::v1::AuditHead& head);

  const AuditStorageOptions options_;
  mutable Mutex mutex_;
  std::shared_ptr<Store> store_ ABSL_GUARDED_BY(mutex_);  // null: not open
  record::v1::AuditHead head_ ABSL_GUARDED_BY(mutex_);
  bool head_known_ ABSL_GUARDED_BY(mutex_) = false;
  bool sent_unsaved_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<int> kept_ ABSL_GUARDED_BY(mutex_) = std::make_shared<int>();
  // Only of the thread that writes: no entry is too old before.
  absl::Time next_age_ = absl::InfinitePast();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_AUDIT_AUDIT_STORAGE_H_
