#ifndef GITOPS_CTL_COMMANDS_FLEET_COMMANDS_H_
#define GITOPS_CTL_COMMANDS_FLEET_COMMANDS_H_

#include "absl/status/statusor.h"
#include "common/client/planner_client.h"
#include "ctl/cli/invocation.h"
#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/output/fleet_renderer.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {

// The context of a command that calls the planner. It owns nothing.
struct FleetContext {
  const Invocation& invocation;
  PlannerClient& planner;
  Renderer& renderer;
  FleetRenderer& fleet;
  Console& console;
  // Whether standard output, and standard error, are in color.
  bool color_on_out = false;
  bool color_on_err = false;

  const v1::Selection& selection() const { return invocation.flags.spec.selection(); }
  const std::string& argument(size_t i) const { return invocation.arguments[i]; }
};

// Each command prints its result and returns the exit status, or an error.
using FleetCommand = absl::StatusOr<ExitCode> (*)(FleetContext& context);

absl::StatusOr<ExitCode> ListFleetHosts(FleetContext& context);
absl::StatusOr<ExitCode> ListFleetMachines(FleetContext& context);
absl::StatusOr<ExitCode> ListFleetServices(FleetContext& context);
absl::StatusOr<ExitCode> GetFleetHost(FleetContext& context);
absl::StatusOr<ExitCode> GetFleetService(FleetContext& context);
absl::StatusOr<ExitCode> WatchFleetHosts(FleetContext& context);
absl::StatusOr<ExitCode> WatchFleetServices(FleetContext& context);
absl::StatusOr<ExitCode> CheckFleet(FleetContext& context);

absl::StatusOr<ExitCode> WaitFleetService(FleetContext& context);
absl::StatusOr<ExitCode> FleetHistory(FleetContext& context);
absl::StatusOr<ExitCode> DescribeFleetService(FleetContext& context);
absl::StatusOr<ExitCode> DescribeHost(FleetContext& context);
absl::StatusOr<ExitCode> FleetEvents(FleetContext& context);
absl::StatusOr<ExitCode> FleetDebugBundle(FleetContext& context);

absl::StatusOr<ExitCode> FreezeFleet(FleetContext& context);
absl::StatusOr<ExitCode> UnfreezeFleet(FleetContext& context);
absl::StatusOr<ExitCode> PullFleet(FleetContext& context);
absl::StatusOr<ExitCode> RollbackFleet(FleetContext& context);
absl::StatusOr<ExitCode> DiffFleet(FleetContext& context);
absl::StatusOr<ExitCode> AcknowledgeHost(FleetContext& context);

absl::StatusOr<ExitCode> MakePlan(FleetContext& context);
absl::StatusOr<ExitCode> Deploy(FleetContext& context);
absl::StatusOr<ExitCode> ListDeployments(FleetContext& context);
absl::StatusOr<ExitCode> GetDeployment(FleetContext& context);
absl::StatusOr<ExitCode> WatchDeployment(FleetContext& context);
absl::StatusOr<ExitCode> WaitDeployment(FleetContext& context);
absl::StatusOr<ExitCode> DescribeDeployment(FleetContext& context);
absl::StatusOr<ExitCode> CancelDeployment(FleetContext& context);
absl::StatusOr<ExitCode> ResumeDeployment(FleetContext& context);
absl::StatusOr<ExitCode> RollbackDeployment(FleetContext& context);

absl::StatusOr<ExitCode> ListHooks(FleetContext& context);
absl::StatusOr<ExitCode> TestHooks(FleetContext& context);
absl::StatusOr<ExitCode> ListLocks(FleetContext& context);
absl::StatusOr<ExitCode> BreakLock(FleetContext& context);
absl::StatusOr<ExitCode> RemoveRecord(FleetContext& context);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_FLEET_COMMANDS_H_
