#ifndef GITOPS_SERVICES_PLANNER_AUDIT_HOST_AUDITS_H_
#define GITOPS_SERVICES_PLANNER_AUDIT_HOST_AUDITS_H_

#include "common/audit/audit_service.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/audit/reported_audits.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// Answers for the audits of hosts by calling their agents. A verification also has what the agent
// had reported to the planner, and whether that was well. None is owned.
HostAudits HostAuditsOf(const Fleet* fleet, AuditCaller* agents, const ReportedAudits* reported);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AUDIT_HOST_AUDITS_H_
