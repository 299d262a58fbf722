#ifndef GITOPS_CTL_COMMANDS_DIFF_CONTENT_H_
#define GITOPS_CTL_COMMANDS_DIFF_CONTENT_H_

#include "ctl/commands/fleet_commands.h"

namespace gitops::ctl {

// DiffServices with the content of files, or, where the caller may not see that, with their names
// only, which is told on standard error.
PlannerClient::Outcomes DiffWithContent(FleetContext& context, v1::DiffServicesRequest request);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_DIFF_CONTENT_H_
