#ifndef GITOPS_COMMON_STORE_SQLITE_TRANSACTION_H_
#define GITOPS_COMMON_STORE_SQLITE_TRANSACTION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/kept_changes.h"
#include "common/store/sqlite_database.h"
#include "common/store/store.h"

namespace gitops {

// The limits of the changes that are kept for watches, whichever is reached first.
inline constexpr int64_t kKeptRevisions = 10'000;
inline constexpr int64_t kKeptBytes = 16 << 20;

// Whether an error may leave a transaction half done, so that it must be rolled back. Other errors
// leave the transaction unchanged.
bool IsDatabaseError(const absl::Status& status);

// One write transaction with the operations of several callers. Rolled back by its destructor,
// unless committed.
class SqliteTransaction {
 public:
  // `database` and `kept` must outlive this. `clock` decides which leases have ended.
  SqliteTransaction(SqliteDatabase* database, Clock& clock, const KeptChanges& kept);
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

  // Takes the write lock, and ends the leases that are due.
  absl::Status Begin();

  // See the methods of Store.
  absl::StatusOr<int64_t> Write(const std::vector<StoreWrite>& writes);
  absl::StatusOr<int64_t> GrantLease(absl::Duration ttl);
  absl::Status KeepLeaseAlive(int64_t lease);
  absl::Status RevokeLease(int64_t lease);
  // Restarts leases that were granted in another boot, since their end is not known.
  absl::Status RestartLeasesOfOtherBoots();

  // Drops old changes and commits. `limit_trim` returns the revision up to which changes may be
  // dropped, at most its argument.
  absl::Status Commit(const std::function<int64_t(int64_t)>& limit_trim);

  // The newest revision.
  int64_t revision() const { return counters_.revision; }
  // When the next lease ends; Infinite(): there is none.
  absl::StatusOr<SteadyTime> NextLeaseEnd();

 private:
  // The row of the table `counters`; see sqlite_schema.cc.
  struct Counters {
    int64_t revision = 0;
    int64_t trimmed = 0;
    int64_t logged = 0;
    int64_t trimmed_logged = 0;
    int64_t last_lease = 0;
    bool operator==(const Counters&) const = default;
  };

  absl::Status LoadCounters();
  absl::Status SaveCounters();
  // `live_lease`: the last lease that was checked, so that a batch looks for it once.
  absl::Status CheckPreconditions(const StoreWrite& write, int64_t& live_lease);
  absl::Status CheckLease(int64_t lease);
  absl::StatusOr<int64_t> RevisionOf(absl::string_view key);
  absl::StatusOr<bool> Apply(const StoreWrite& write, int64_t revision);
  absl::Status Log(absl::string_view key, const std::optional<std::string>& value,
                   int64_t revision);
  absl::Status EndDueLeases();
  absl::Status EndLease(int64_t lease);
  absl::Status Trim(const std::function<int64_t(int64_t)>& limit_trim);

  SqliteDatabase* database_;
  const KeptChanges& kept_;
  const SteadyTime now_;
  const std::string boot_;
  Counters loaded_;
  Counters counters_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_TRANSACTION_H_
