#ifndef GITOPS_COMMON_STORE_STORE_H_
#define GITOPS_COMMON_STORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/damaged_records.h"

namespace gitops {

// A stored value. Revisions grow over the whole store: of two writes, the later has the greater
// revision.
struct StoredValue {
  std::string key;
  std::string value;
  int64_t revision = 0;
};

// One write of a batch.
struct StoreWrite {
  std::string key;
  // None: delete.
  std::optional<std::string> value = std::nullopt;
  // Condition of the write: the key's revision; 0 means "does not exist". None: always.
  std::optional<int64_t> expected_revision = std::nullopt;
  // The value is deleted when this lease ends; 0: no lease. FAILED_PRECONDITION: the lease has
  // ended.
  int64_t lease = 0;
};

// One change, for watches. A deletion has no value.
struct StoreEvent {
  std::string key;
  std::optional<std::string> value;
  int64_t revision = 0;
};

// Ends its watch when destroyed; its callback does not run after that. May outlive its Store.
class StoreWatch {
 public:
  virtual ~StoreWatch() = default;
};

// An ordered map from keys to values that survives crashes. One interface, several engines (SQLite
// here, etcd for more than one machine); all pass the suite common/store/conformance.h.
// Thread-safe.
//
// Errors of all methods: UNAVAILABLE: cannot read or write now (disk full, lost connection);
// nothing was changed, a retry may help. DATA_LOSS: the store is damaged.
class Store {
 public:
  virtual ~Store() = default;

  // NOT_FOUND: no such key.
  virtual absl::StatusOr<StoredValue> Get(absl::string_view key) = 0;

  // All keys that start with `prefix` and are greater than `after` (empty: from the start), in
  // order, at most `limit` (0: all).
  virtual absl::StatusOr<std::vector<StoredValue>> List(absl::string_view prefix,
                                                        absl::string_view after = "",
                                                        int limit = 0) = 0;

  // Applies all of `writes` or none, and returns their common revision once they are durable (also
  // after a power loss). FAILED_PRECONDITION: an expected revision does not match; the message
  // names the key. INVALID_ARGUMENT: the same key twice, an empty key, an empty batch.
  virtual absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes) = 0;

  // Calls back for every change, made through any Store on the same data, to keys that start with
  // `prefix` and have a revision greater than `after_revision`, in order of revision, on one
  // thread. The callback must not call this Store's Watch or destroy the watch. OUT_OF_RANGE: the
  // engine no longer has changes that old: call List, then watch from the revision that it
  // returned.
  virtual absl::StatusOr<std::unique_ptr<StoreWatch>> Watch(
      absl::string_view prefix, int64_t after_revision,
      std::function<void(const StoreEvent&)> on_event) = 0;

  // A lease that ends `ttl` from now unless it is kept alive; ends are noticed within a second.
  // Setting the wall clock changes nothing. After a reboot of the machine with the data, the ttl
  // restarts when the store is opened. Ids are never 0 and grow. INVALID_ARGUMENT: `ttl` is not
  // longer than 0.
  virtual absl::StatusOr<int64_t> GrantLease(absl::Duration ttl) = 0;
  // Restarts the lease's ttl. NOT_FOUND: it has ended.
  virtual absl::Status KeepLeaseAlive(int64_t lease) = 0;
  // Ends the lease now, and deletes the values written under it. NOT_FOUND: it has ended.
  virtual absl::Status RevokeLease(int64_t lease) = 0;

  // Single writes. They return the revision, like Write.
  absl::StatusOr<int64_t> Put(absl::string_view key, absl::string_view value,
                              std::optional<int64_t> expected_revision = std::nullopt);
  absl::Status Delete(absl::string_view key,
                      std::optional<int64_t> expected_revision = std::nullopt);

  // The records that readers of this Store (for example Table) found damaged.
  DamagedRecords& damaged_records() { return damaged_records_; }

 private:
  DamagedRecords damaged_records_;
};

struct SqliteStoreOptions {
  // The database file; its directory must exist. Created with mode 0600.
  std::string path;
  // Lock the file for the lifetime of the Store, so that there is never a second writer.
  // FAILED_PRECONDITION, with the holder's process id: another process has the lock.
  bool exclusive = true;
  Clock* clock = Clock::System();
};

// SQLite in WAL mode with full synchronisation; writes from several threads share a commit.
// FAILED_PRECONDITION: see `exclusive`, or the file is of a newer version. DATA_LOSS: not a
// database.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteStoreOptions& options);

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_STORE_H_
