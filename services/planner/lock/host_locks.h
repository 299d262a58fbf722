#ifndef GITOPS_SERVICES_PLANNER_LOCK_HOST_LOCKS_H_
#define GITOPS_SERVICES_PLANNER_LOCK_HOST_LOCKS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/actor.h"
#include "common/store/store.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// Locks on hosts: one holder each, under a lease, with a fencing number that grows with every lock
// taken, over all hosts and also over a lost store (it is never less than the wall clock's
// microseconds). Keys: planner/v1/lock/HOST under the deployment's lease, and
// planner/v1/fencing. Any thread.

struct LockOptions {
  Store* store = nullptr;  // not owned
  Clock* clock = nullptr;  // not owned
  std::string planner;     // this planner's name; its own locks are taken up again at once
  absl::Duration ttl = absl::Seconds(30);
};

// The locks of one deployment on all of its hosts. Kept alive until released or destroyed (then
// they end with their lease).
class HeldLocks {
 public:
  virtual ~HeldLocks() = default;

  // The fencing number of one host. FAILED_PRECONDITION: the lock was lost, and with it all others:
  // the lease ended (this process was stopped for longer than it). ABORTED: somebody broke the lock
  // of this host (the message names them). Asks the store, so that an answer is worth something;
  // call it before every change of a host.
  virtual absl::StatusOr<int64_t> Check(const std::string& host) = 0;
  // Calls `lost` once, with why, when the lease is found to have ended (at once, where it has),
  // though nobody asks: from any thread, and not after ReleaseAll() or destruction. It must be
  // quick, and not use this.
  virtual void WhenLost(std::function<void(const std::string& why)> lost) = 0;
  // Fencing numbers without asking.
  virtual const std::map<std::string, int64_t>& fencing() const = 0;

  // Gives one host's lock back.
  virtual absl::Status Release(const std::string& host) = 0;
  virtual absl::Status ReleaseAll() = 0;
};

class HostLocks {
 public:
  virtual ~HostLocks() = default;

  // Takes the locks of all `hosts` or none, in one write, so that deployments that overlap cannot
  // deadlock. Waits while others hold some, without holding any: `waiting` is told whenever who
  // holds them changes; `give_up` is asked now and then. Locks of the same deployment that this
  // planner held before a restart are taken over at once; those of hosts that are not in `hosts`
  // any more (which may be empty) are given back. FAILED_PRECONDITION: `no_wait`, and a host is
  // locked (the message names host, deployment, actor, since when); CANCELLED: gave up.
  struct Request {
    std::string deployment;
    Actor actor;
    std::vector<std::string> hosts;
    bool no_wait = false;
    // Also what a planner of another name held for this deployment is taken over at once: it does
    // not run any more.
    bool take_over = false;
    // The deployment begins, or is resumed: hosts whose lock was broken before are locked like the
    // others. Else they are left out, and Check() tells who broke it.
    bool resume = false;
    std::function<void(const std::vector<v1::HostLock>& holders)> waiting;
    std::function<bool()> give_up;
  };
  virtual absl::StatusOr<std::unique_ptr<HeldLocks>> Acquire(const Request& request) = 0;

  // Those that are held now. NOT_FOUND for a host that is not locked.
  virtual absl::StatusOr<std::vector<v1::HostLock>> List() = 0;
  virtual absl::StatusOr<v1::HostLock> Get(const std::string& host) = 0;

  // Takes it from its holder, who learns `actor` and `reason` at its next Check. NOT_FOUND.
  virtual absl::StatusOr<v1::HostLock> Break(const std::string& host, const Actor& actor,
                                             const std::string& reason) = 0;
};

std::unique_ptr<HostLocks> NewHostLocks(LockOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_HOST_LOCKS_H_
