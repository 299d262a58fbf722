#ifndef GITOPS_SERVICES_PLANNER_LOCK_HELD_LOCKS_H_
#define GITOPS_SERVICES_PLANNER_LOCK_HELD_LOCKS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "services/planner/lock/lease_keeper.h"
#include "services/planner/lock/lock_table.h"

namespace gitops {

// The locks of one deployment on all of its hosts. Kept alive until released or destroyed (then
// they end with their lease). Any thread.
class HeldLocks {
 public:
  // What TakeLocks() took for `deployment`, under a lease that `keeper` renews. No lease: no locks.
  // `store` is not owned.
  HeldLocks(Store* store, std::shared_ptr<LeaseKeeper> keeper, std::string deployment,
            TakenLocks taken)
      : store_(store),
        keeper_(std::move(keeper)),
        deployment_(std::move(deployment)),
        taken_(std::move(taken)) {}
  ~HeldLocks() { keeper_->Remove(taken_.lease); }

  // The fencing number of one host. FAILED_PRECONDITION: the lock was lost, and with it all others:
  // the lease ended (this process was stopped for longer than it). ABORTED: somebody broke the lock
  // of this host (the message names them). Reads the store, so that the answer is current; call it
  // before every change of a host.
  absl::StatusOr<int64_t> Check(const std::string& host);
  // Calls `lost` once, with the reason, when the lease is found to have ended (at once if it has),
  // also without a call of Check(): from any thread, and not after ReleaseAll() or destruction. It
  // must be quick, and not use this.
  void WhenLost(std::function<void(const std::string& why)> lost);
  // Fencing numbers as they were taken, without a look at the store.
  const std::map<std::string, int64_t>& fencing() const { return taken_.fencing; }

  // Gives one host's lock back.
  absl::Status Release(const std::string& host);
  absl::Status ReleaseAll();

 private:
  bool IsReleased(const std::string& host);
  bool LeaseHasEnded() { return absl::IsNotFound(keeper_->Confirm(taken_.lease)); }
  absl::Status NeverTaken(const std::string& host) const;
  absl::Status Broken(const std::string& host, const v1::DeploymentEvent& notice) const;
  absl::Status NotHeld(const std::string& host) const;
  absl::Status Lost(const std::string& host, const absl::StatusOr<StoredLock>& now);

  Store* const store_;
  const std::shared_ptr<LeaseKeeper> keeper_;
  const std::string deployment_;
  const TakenLocks taken_;
  Mutex mutex_;
  std::set<std::string> released_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_HELD_LOCKS_H_
