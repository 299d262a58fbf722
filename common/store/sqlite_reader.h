#ifndef GITOPS_COMMON_STORE_SQLITE_READER_H_
#define GITOPS_COMMON_STORE_SQLITE_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/clock/steady_time.h"
#include "common/store/sqlite_database.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"

namespace gitops {

// All reads outside of a write transaction. Thread-safe.
class SqliteReader {
 public:
  explicit SqliteReader(std::unique_ptr<SqliteDatabase> database);

  absl::StatusOr<StoredValue> Get(absl::string_view key);
  absl::StatusOr<std::vector<StoredValue>> List(absl::string_view prefix, absl::string_view after,
                                                int limit);

  // The changes to keys that start with `prefix`, of revisions from `first` to `last`, in order.
  absl::StatusOr<std::vector<StoreEvent>> Changes(absl::string_view prefix, int64_t first,
                                                  int64_t last);

  struct Extent {
    int64_t revision;  // the newest
    int64_t trimmed;   // changes up to it are no longer kept
  };
  absl::StatusOr<Extent> ReadExtent();

  // Infinite(): there is no lease.
  absl::StatusOr<SteadyTime> NextLeaseEnd();

  // A number that changes whenever another connection has changed the file.
  absl::StatusOr<int64_t> DataVersion();

 private:
  Mutex mutex_;
  const std::unique_ptr<SqliteDatabase> database_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_READER_H_
