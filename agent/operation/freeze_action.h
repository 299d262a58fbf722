#ifndef GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_
#define GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_

#include <functional>

#include "agent/controller/host_agent.h"
#include "agent/operation/action_runner.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Freezes or unfreezes the service of the request, or all services of this host. A service that
// this host does not have is not a failure. UNAVAILABLE: the change cannot be stored now.
// CANCELLED: `abandoned` returned true meanwhile.
ActionOutcome FreezeServices(
    HostAgent& agent, const v1::PerformActionRequest& request,
    const std::function<bool()>& abandoned = [] { return false; });
ActionOutcome UnfreezeServices(
    HostAgent& agent, const v1::PerformActionRequest& request,
    const std::function<bool()>& abandoned = [] { return false; });

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_FREEZE_ACTION_H_
