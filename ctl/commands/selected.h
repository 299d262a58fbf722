#ifndef GITOPS_CTL_COMMANDS_SELECTED_H_
#define GITOPS_CTL_COMMANDS_SELECTED_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ctl/commands/fleet_commands.h"

namespace gitops::ctl {

// A command that selects nothing must not look like one that succeeded.

// Why nothing came back for the selection: NOT_FOUND "no host matches --on wbe1; did you mean
// web1?", or, with a `service`, "no selected host has a service ap; did you mean app?". OK with
// --allow-empty, and if hosts are selected and no service is named. Calls the planner.
absl::Status ExplainNothing(FleetContext& context, const std::string& service = "");
// NOT_FOUND if the selection has no host, unless --allow-empty is given. Calls the planner if the
// selection may leave hosts out.
absl::Status RequireHosts(FleetContext& context);
// With --allow-empty no outcomes in place of the planner's refusal of an empty selection; else
// `outcomes`.
PlannerClient::Outcomes OrNothing(const FleetContext& context, PlannerClient::Outcomes outcomes);
// The planner's refusal of the service in the first argument, with the nearest name as in
// ExplainNothing; any other failure as it is. Calls the planner.
absl::Status WithNearest(FleetContext& context, const absl::Status& failure);
// The same errors, for one who knows the names already.
absl::Status NoHost(const v1::Selection& selection, const std::vector<std::string>& all_hosts);
absl::Status NoSuchService(const std::string& service, const std::vector<std::string>& known);

// Tells of globs with a comma outside of braces, which separates nothing there; "" if there is
// none.
std::string CommaHint(const v1::Selection& selection);

// NOT_FOUND names the nearest host.
absl::StatusOr<v1::Host> FindHost(FleetContext& context, const std::string& name);
// A glob that matches this name only.
std::string LiteralGlob(const std::string& name);

// The deployment that the first argument names; `last` is the newest one.
absl::StatusOr<std::string> DeploymentId(FleetContext& context);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_SELECTED_H_
