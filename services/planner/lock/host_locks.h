#ifndef GITOPS_SERVICES_PLANNER_LOCK_HOST_LOCKS_H_
#define GITOPS_SERVICES_PLANNER_LOCK_HOST_LOCKS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/actor.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "gitops/v1/deployment.pb.h"
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
  bool IsReleased(const std::string& host) {
    MutexLock lock(mutex_);
    return released_.contains(host);
  }
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

struct LockOptions {
  Store* store = nullptr;  // not owned
  Clock* clock = nullptr;  // not owned
  std::string planner;     // this planner's name; its own locks are taken up again at once
  absl::Duration ttl = absl::Seconds(30);
};

// Locks on hosts: one holder each, under a lease, with a fencing number that grows with every lock
// taken, over all hosts and also over a lost store (it is never less than the wall clock's
// microseconds). Keys: planner/v1/lock/HOST under the deployment's lease, and
// planner/v1/fencing. Any thread.
class HostLocks {
 public:
  explicit HostLocks(LockOptions options);

  // Takes the locks of all `hosts` or none, in one write, so that deployments that overlap cannot
  // deadlock. Waits while others hold some, without holding any: `waiting` is called whenever the
  // holders change; `give_up` is called now and then. Locks of the same deployment that this
  // planner held before a restart are taken over at once; those of hosts that are not in `hosts`
  // any more (which may be empty) are given back. FAILED_PRECONDITION: `no_wait`, and a host is
  // locked (the message names host, deployment, actor, since when); CANCELLED: gave up.
  struct Request {
    std::string deployment;
    Actor actor;
    std::vector<std::string> hosts;
    bool no_wait = false;
    // Locks that a planner of another name held for this deployment are taken over at once too: it
    // does not run any more.
    bool take_over = false;
    // The deployment begins, or is resumed: hosts whose lock was broken before are locked like the
    // others. Otherwise they are left out, and Check() tells who broke the lock.
    bool resume = false;
    std::function<void(const std::vector<v1::HostLock>& holders)> waiting;
    std::function<bool()> give_up;
  };
  absl::StatusOr<std::unique_ptr<HeldLocks>> Acquire(const Request& request);

  // The locks that are held now, sorted by host. NOT_FOUND: the host is not locked.
  absl::StatusOr<std::vector<v1::HostLock>> List();
  absl::StatusOr<v1::HostLock> Get(const std::string& host);

  // Takes it from its holder, whose next Check() reports `actor` and `reason`. NOT_FOUND.
  absl::StatusOr<v1::HostLock> Break(const std::string& host, const Actor& actor,
                                     const std::string& reason);

 private:
  const LockOptions options_;
  const std::shared_ptr<LeaseKeeper> keeper_;  // shared with the locks that are held
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_HOST_LOCKS_H_
