#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_RUN_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_RUN_H_

#include "services/planner/record/deployment_record.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {

// Takes one host from where `entry` stands to its end, or to where the deployment says stop, and
// returns it as it then is. `entry.rolling_back`: its services return to the commits they had
// before. Every move is stored before the next is made. `recovered`: an earlier process was at it,
// and may have made the next move already. Called in a thread of its own.
HostRecord RunHost(DeploymentRun* run, int index, HostRecord entry, bool recovered);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_RUN_H_
