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

// The stored locks. Keys:
//   planner/v1/lock/HOST                     record::v1::HostLock, under its deployment's lease
//   planner/v1/lockbroken/DEPLOYMENT/HOST    record::v1::DeploymentEvent: a notice of who broke it
//   planner/v1/fencing                       the last fencing number, in decimal
// A fencing number that is damaged or missing is replaced by one that is higher than that of any
// lock and than the wall clock in microseconds. Errors as Store's.
namespace gitops {

inline constexpr char kLockPrefix[] = "planner/v1/lock/";
inline constexpr char kBrokenPrefix[] = "planner/v1/lockbroken/";
inline constexpr char kFencingKey[] = "planner/v1/fencing";

// The holder of a damaged lock. Its host stays locked until the lease ends or the lock is broken,
// since the holder may still be working.
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

// Takes the locks of `hosts` (sorted, unique), each with the contents of `lock`, under `lease`, in
// one write, which also releases locks that this deployment held before a restart and no longer
// needs. FAILED_PRECONDITION: the locks are no longer as in `table`.
absl::StatusOr<TakenLocks> TakeLocks(Store& store, absl::Time now, int64_t lease,
                                     const v1::HostLock& lock,
                                     const std::vector<std::string>& hosts,
                                     const std::map<std::string, StoredLock>& table);
// Releases all locks that the deployment and planner of `lock` held before a restart.
absl::Status GiveBack(Store& store, const v1::HostLock& lock,
                      const std::map<std::string, StoredLock>& table);

// Takes the lock away from its holder, and stores `notice` for it under `lease`.
absl::Status TakeAway(Store& store, const StoredLock& lock, int64_t lease,
                      const v1::DeploymentEvent& notice);
// The notice of who broke the deployment's lock of a host. NOT_FOUND: nobody did.
absl::StatusOr<v1::DeploymentEvent> ReadNotice(Store& store, const std::string& deployment,
                                               const std::string& host);
// The hosts for which the deployment has a notice.
absl::StatusOr<std::set<std::string>> HostsWithNotice(Store& store, const std::string& deployment);
// Removes all notices for the deployment.
absl::Status RemoveNotices(Store& store, const std::string& deployment);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_LOCK_TABLE_H_
