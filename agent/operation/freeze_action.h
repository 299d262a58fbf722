#ifndef GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_
#define GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_

#include "agent/controller/host_agent.h"
#include "agent/operation/action_runner.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Freezes or unfreezes the service of the request, or all services of this host. A service that
// this host does not have is not a failure. UNAVAILABLE: the change cannot be stored now.
ActionOutcome FreezeServices(HostAgent& agent, const v1::PerformActionRequest& request);
ActionOutcome UnfreezeServices(HostAgent& agent, const v1::PerformActionRequest& request);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_
