#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_RUN_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_RUN_H_

#include "services/planner/record/deployment_record.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {

// Runs one host from the progress in `entry` to its end, or until the deployment stops it, and
// returns its new record. `entry.rolling_back`: returns its services to their former commits. Every
// move is stored before the next one is made. `recovered`: an earlier process ran the host, and may
// have made the next move already. Call it in a thread of its own.
HostRecord RunHost(DeploymentRun* run, int index, HostRecord entry, bool recovered);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_RUN_H_
