#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_ROLLBACK_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_ROLLBACK_H_

#include <string>
#include <vector>

#include "services/planner/run/deployment_run.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// The services that the host has moved, the one that moved last first.
std::vector<Return> ReturnsOf(const v1::HostDeployment& host);

// Sets `message`, which is that of the failed host `index`, for a rollback that has ended: which
// services it returned, which it did not and why, and which other actions cannot be undone. False:
// leaving.
bool TellRollback(const HostProgress& progress, DeploymentRun& run, int index,
                  std::string& message);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_ROLLBACK_H_
