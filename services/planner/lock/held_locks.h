#ifndef GITOPS_SERVICES_PLANNER_LOCK_HELD_LOCKS_H_
#define GITOPS_SERVICES_PLANNER_LOCK_HELD_LOCKS_H_

#include <memory>
#include <string>

#include "common/store/store.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/lock/lease_keeper.h"
#include "services/planner/lock/lock_table.h"

namespace gitops {

// What TakeLocks() took, whose lease `keeper` keeps alive from now on. No lease: no locks.
std::unique_ptr<HeldLocks> HoldLocks(Store* store, std::shared_ptr<LeaseKeeper> keeper,
                                     std::string deployment, TakenLocks taken);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_LOCK_HELD_LOCKS_H_
