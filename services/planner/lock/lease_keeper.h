#ifndef GITOPS_SERVICES_PLANNER_LOCK_LEASE_KEEPER_H_
#define GITOPS_SERVICES_PLANNER_LOCK_LEASE_KEEPER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"

namespace gitops {

// Renews leases, all from one thread, three times within their ttl, and more often while the store
// is UNAVAILABLE. Only the store decides whether a lease has ended, also after this process was
// stopped for a while. A lease that cannot be renewed for another reason is given up, with an error
// in the log. Any thread.
class LeaseKeeper {
 public:
  // Not owned.
  LeaseKeeper(Store* store, Clock* clock, absl::Duration ttl);
  ~LeaseKeeper();

  // `granted`: a time not after the grant.
  void Add(int64_t lease, SteadyTime granted);
  // Stops renewing a lease, which then ends, or was revoked. The callback of WhenEnded() does not
  // run after this.
  void Remove(int64_t lease);

  // Calls `ended` once, as soon as the lease is found to have ended or is given up (at once if it
  // has), from any thread. It must be quick, and must not use this. Empty: removes the callback.
  void WhenEnded(int64_t lease, std::function<void()> ended);

  // OK: it was renewed less than a ttl ago, or just now. NOT_FOUND: it has ended, or was given up.
  // Other errors are the store's.
  absl::Status Confirm(int64_t lease);

 private:
  void Loop();
  bool AwaitTurn(absl::Duration pause);
  bool RenewAll();
  absl::Status Renew(int64_t lease);

  struct Kept {
    SteadyTime renewed;  // last, at the earliest
    std::function<void()> ended;
  };

  Store* const store_;
  Clock* const clock_;
  const absl::Duration ttl_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<int64_t, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_LEASE_KEEPER_H_
