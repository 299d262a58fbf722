#include "ctl/run.h"

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/server/version.h"
#include "ctl/client/agent_client.h"
#include "ctl/client/failure.h"
#include "ctl/client/planner_client.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/exit_code.h"
#include "ctl/output/fleet_renderer.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {
namespace {

// Null for commands that call no agent.
Command CommandOf(Action action) {
  switch (action) {
    case Action::kListMachines:
      return ListMachines;
    case Action::kListServices:
      return ListServices;
    case Action::kGetService:
      return GetService;
    case Action::kFreeze:
      return Freeze;
    case Action::kUnfreeze:
      return Unfreeze;
    case Action::kPull:
      return Pull;
    case Action::kRollback:
      return Rollback;
    case Action::kDiff:
      return Diff;
    case Action::kWatch:
      return Watch;
    case Action::kCheck:
      return Check;
    default:
      return nullptr;
  }
}

// Null for commands that call no planner.
FleetCommand FleetCommandOf(Action action) {
  switch (action) {
    case Action::kListMachines:
      return ListFleetMachines;
    case Action::kListServices:
      return ListFleetServices;
    case Action::kListHosts:
      return ListFleetHosts;
    case Action::kListDeployments:
      return ListDeployments;
    case Action::kListHooks:
      return ListHooks;
    case Action::kListLocks:
      return ListLocks;
    case Action::kGetService:
      return GetFleetService;
    case Action::kGetHost:
      return GetFleetHost;
    case Action::kGetDeployment:
      return GetDeployment;
    case Action::kFreeze:
      return FreezeFleet;
    case Action::kUnfreeze:
      return UnfreezeFleet;
    case Action::kPull:
      return PullFleet;
    case Action::kRollback:
      return RollbackFleet;
    case Action::kDiff:
      return DiffFleet;
    case Action::kWatch:
      return WatchFleetServices;
    case Action::kWatchHosts:
      return WatchFleetHosts;
    case Action::kCheck:
      return CheckFleet;
    case Action::kPlan:
      return MakePlan;
    case Action::kDeploy:
      return Deploy;
    case Action::kWatchDeployment:
      return WatchDeployment;
    case Action::kCancelDeployment:
      return CancelDeployment;
    case Action::kResumeDeployment:
      return ResumeDeployment;
    case Action::kRollbackDeployment:
      return RollbackDeployment;
    case Action::kHooksTest:
      return TestHooks;
    case Action::kBreakLock:
      return BreakLock;
    case Action::kRemoveRecord:
      return RemoveRecord;
    case Action::kCompletion:
    case Action::kVersion:
    case Action::kHelp:
      return nullptr;
  }
  return nullptr;
}

bool IsDumb(const Console& console) { return console.environment("TERM").value_or("") == "dumb"; }

bool UseColor(ColorWhen when, const Console& console, bool on_terminal) {
  if (when != ColorWhen::kAuto) return when == ColorWhen::kAlways;
  const auto is_set = [&](const char* name) {
    return !console.environment(name).value_or("").empty();
  };
  return on_terminal && !is_set("NO_COLOR") && !IsDumb(console);
}

RenderOptions RenderOptionsFor(const Invocation& invocation, const Console& console) {
  RenderOptions options;
  options.form = invocation.flags.output;
  options.color = UseColor(invocation.flags.color, console, console.out_is_terminal);
  options.terminal = console.out_is_terminal && !IsDumb(console);
  options.size = console.size;
  return options;
}

absl::StatusOr<ExitCode> RunOnHost(Command command, const Invocation& invocation,
                                   Renderer& renderer, Console& console) {
  AgentClientOptions options;
  options.address = invocation.host;
  options.insecure = invocation.flags.insecure;
  options.user = console.user;
  options.timeout = invocation.flags.timeout;
  const absl::StatusOr<std::unique_ptr<AgentClient>> agent = NewAgentClient(options);
  if (!agent.ok()) return agent.status();
  CommandContext context{invocation, **agent, renderer, console};
  return command(context);
}

absl::StatusOr<ExitCode> RunOnFleet(FleetCommand command, const Invocation& invocation,
                                    Renderer& renderer, Console& console) {
  PlannerClientOptions options;
  options.address = ServerOf(invocation);
  options.insecure = invocation.flags.insecure;
  options.user = console.user;
  options.timeout = invocation.flags.timeout;
  const absl::StatusOr<std::unique_ptr<PlannerClient>> planner = NewPlannerClient(options);
  if (!planner.ok()) return planner.status();
  const std::unique_ptr<FleetRenderer> fleet =
      MakeFleetRenderer(RenderOptionsFor(invocation, console), console.out);
  FleetContext context{invocation,
                       **planner,
                       renderer,
                       *fleet,
                       console,
                       UseColor(invocation.flags.color, console, console.out_is_terminal),
                       UseColor(invocation.flags.color, console, console.err_is_terminal)};
  return command(context);
}

absl::StatusOr<ExitCode> Perform(const Invocation& invocation, Console& console) {
  const std::unique_ptr<Renderer> renderer =
      MakeRenderer(RenderOptionsFor(invocation, console), console.out);
  if (!invocation.host.empty()) {
    if (const Command command = CommandOf(invocation.action); command != nullptr) {
      return RunOnHost(command, invocation, *renderer, console);
    }
  }
  if (const FleetCommand command = FleetCommandOf(invocation.action); command != nullptr) {
    return RunOnFleet(command, invocation, *renderer, console);
  }
  if (invocation.action == Action::kCompletion) return Completion(invocation, console);
  if (invocation.action == Action::kHelp) return Help(invocation, console);
  if (absl::Status status = renderer->Version(Version()); !status.ok()) return status;
  return kDone;
}

}  // namespace

int Run(const std::vector<std::string>& arguments, Console& console) {
  if (!arguments.empty() && arguments[0] == "__complete") {
    return Complete({arguments.begin() + 1, arguments.end()}, console);
  }
  const absl::StatusOr<Invocation> invocation = ParseInvocation(arguments, console.environment);
  if (!invocation.ok()) {
    const absl::Status failure = WithExitCode(invocation.status(), kUsage);
    console.err << FailureText("", failure) << std::endl;
    return kUsage;
  }
  const absl::StatusOr<ExitCode> exit_code = Perform(*invocation, console);
  if (exit_code.ok()) return *exit_code;
  console.err << FailureText(Describe(*invocation), exit_code.status()) << std::endl;
  return ExitCodeOf(exit_code.status());
}

}  // namespace gitops::ctl
