#ifndef GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_
#define GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_

#include "agent/controller/host_agent.h"
#include "agent/operation/action_runner.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Freezes or unfreezes the service that the request names, or all of this host. A service that
// this host lacks is no failure. UNAVAILABLE: it cannot be stored now.
ActionOutcome FreezeServices(HostAgent& agent, const v1::PerformActionRequest& request);
ActionOutcome UnfreezeServices(HostAgent& agent, const v1::PerformActionRequest& request);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_
