#ifndef GITOPS_SERVICES_PLANNER_LOCK_LOCK_WAITER_H_
#define GITOPS_SERVICES_PLANNER_LOCK_LOCK_WAITER_H_

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"

namespace gitops {

// Tells when it is worth reading the locks of some hosts again. Follows them by a watch, and also
// suggests a look now and then in case the watch misses something. One thread uses it:
//   waiter.BeginLook();  read the locks;  waiter.EndLook(hosts that others hold);
//   while (!waiter.Await()) { give up? }
class LockWaiter {
 public:
  // Not owned.
  LockWaiter(Store* store, Clock* clock, const std::vector<std::string>& hosts);

  // Changes after this are newer than the locks that the caller reads.
  void BeginLook();
  void EndLook(std::set<std::string> held);

  // Returns true when none of the hosts is held any more, some time after a change, and after a
  // longer time in any case. Otherwise returns false after a short time, so that the caller can do
  // something else.
  bool Await();

 private:
  void OnEvent(const StoreEvent& event);
  void Apply(const std::string& host, bool locked) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Clock* const clock_;
  const std::set<std::string> hosts_;
  Mutex mutex_;
  CondVar wake_;
  bool looking_ ABSL_GUARDED_BY(mutex_) = false;
  // Changes during a look: a host, and whether it was locked.
  std::vector<std::pair<std::string, bool>> meanwhile_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> held_ ABSL_GUARDED_BY(mutex_);
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime looked_ ABSL_GUARDED_BY(mutex_);
  // Destroyed first, so that no event comes later. Null: the store could not start one.
  std::unique_ptr<StoreWatch> watch_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_LOCK_WAITER_H_
