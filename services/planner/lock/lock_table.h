#ifndef GITOPS_SERVICES_PLANNER_LOCK_LOCK_TABLE_H_
#define GITOPS_SERVICES_PLANNER_LOCK_LOCK_TABLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/store/store.h"
#include "gitops/v1/deployment.pb.h"

// The locks as the store has them. Keys:
//   planner/v1/lock/HOST                     record::v1::HostLock, under its deployment's lease
//   planner/v1/lockbroken/DEPLOYMENT/HOST    record::v1::DeploymentEvent: who took that lock away
//   planner/v1/fencing                       the last fencing number, in decimal
// A fencing number that is damaged or missing is made anew: one more than the highest of any lock
// and than the wall clock in microseconds. Errors as Store's.
namespace gitops {

inline constexpr char kLockPrefix[] = "planner/v1/lock/";
inline constexpr char kBrokenPrefix[] = "planner/v1/lockbroken/";
inline constexpr char kFencingKey[] = "planner/v1/fencing";

// Who holds a lock whose value is damaged. Its host stays locked until its lease ends or the lock
// is broken, since its holder may still be at work.
inline constexpr char kUnknownHolder[] = "unknown";

struct StoredLock {
  v1::HostLock lock;
  int64_t revision = 0;
  bool damaged = false;  // `lock` has the host, and kUnknownHolder as deployment and actor
};

// NOT_FOUND: it is not locked.
absl::StatusOr<StoredLock> ReadLock(Store& store, const std::string& host);
// All of them, by host.
absl::StatusOr<std::map<std::string, StoredLock>> ReadLocks(Store& store);

// Locks that were taken together.
struct TakenLocks {
  int64_t lease = 0;
  int64_t revision = 0;  // of each
  std::map<std::string, int64_t> fencing;
};

// Takes the locks of `hosts` (sorted, once each) as `lock` says of each, under `lease`, in one
// write, which also gives back what this deployment's planner held before a restart and needs no
// more. `table` is what was read: FAILED_PRECONDITION: it is not so any more.
absl::StatusOr<TakenLocks> TakeLocks(Store& store, absl::Time now, int64_t lease,
                                     const v1::HostLock& lock,
                                     const std::vector<std::string>& hosts,
                                     const std::map<std::string, StoredLock>& table);
// Gives back all that the deployment of `lock` and its planner held before a restart.
absl::Status GiveBack(Store& store, const v1::HostLock& lock,
                      const std::map<std::string, StoredLock>& table);

// Takes the lock away from its holder, and leaves word of who did it under `lease`.
absl::Status TakeAway(Store& store, const StoredLock& lock, int64_t lease,
                      const v1::DeploymentEvent& word);
// Who took a host's lock from the deployment. NOT_FOUND: nobody.
absl::StatusOr<v1::DeploymentEvent> ReadWord(Store& store, const std::string& deployment,
                                             const std::string& host);
// The hosts of which ReadWord() would tell.
absl::StatusOr<std::set<std::string>> HostsWithWord(Store& store, const std::string& deployment);
// Removes what ReadWord() would tell of all hosts of the deployment.
absl::Status RemoveWords(Store& store, const std::string& deployment);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_LOCK_TABLE_H_
