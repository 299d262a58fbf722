#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_ROLLBACK_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_ROLLBACK_H_

#include <string>
#include <vector>

#include "services/planner/run/host_session.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// The services that the host's moves have moved, the one that moved last first.
std::vector<Return> ReturnsOf(const v1::HostDeployment& host);

// Says in `message` which services a rollback that has ended returned, which not and why, and which
// other actions cannot be undone. False: leaving.
bool TellRollback(const HostProgress& progress, HostSession& session, std::string& message);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_ROLLBACK_H_
