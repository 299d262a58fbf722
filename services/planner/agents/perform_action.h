#ifndef GITOPS_SERVICES_PLANNER_AGENTS_PERFORM_ACTION_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_PERFORM_ACTION_H_

#include <string>

#include "gitops/v1/operation.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/agents/agent_link.h"

namespace gitops {

// AgentCaller::Perform.
PerformOutcome PerformAction(AgentLink& link, const std::string& address,
                             const v1::PerformActionRequest& request, const GiveUp& give_up);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_PERFORM_ACTION_H_
