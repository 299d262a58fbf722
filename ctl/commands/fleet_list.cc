#include <utility>
#include <vector>

#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/commands/state_filter.h"
#include "ctl/commands/whole_services.h"
#include "ctl/failure.h"

namespace gitops::ctl {
namespace {

// Where the agent is dialled, without the port: what comes nearest to the machine's own name, which
// the planner does not keep.
std::string HostOfAddress(const std::string& address) {
  if (address.rfind("unix:", 0) == 0) return address;
  return address.substr(0, address.rfind(':'));
}

// Everything about the service of the one host that is selected. Without its agent, as it was last
// reported.
absl::StatusOr<ExitCode> GetWholeService(FleetContext& context) {
  const absl::StatusOr<WholeServices> whole = AskWholeServices(context, context.argument(0));
  if (!whole.ok()) return whole.status();
  if (!whole->services.empty() && context.invocation.flags.output == OutputForm::kTable) {
    if (absl::Status s = context.renderer.Service(whole->services[0]); !s.ok()) return s;
    return whole->exit_code;
  }
  std::vector<v1::Service> services = whole->services;
  if (services.empty()) {
    auto reported = context.planner.ListServices(context.selection(), context.argument(0));
    if (!reported.ok()) return reported.status();
    services = *std::move(reported);
    if (!services.empty()) {
      context.console.err << "gitopsctl: its revisions and changes are missing; this is what was "
                             "last reported\n";
    }
  }
  if (absl::Status s = context.fleet.Services(services); !s.ok()) return s;
  return kDone;
}

// The services of a name, of all names without one, in a table.
absl::StatusOr<ExitCode> ListNamed(FleetContext& context, const std::string& name) {
  absl::StatusOr<std::vector<v1::Service>> services =
      context.planner.ListServices(context.selection(), name);
  if (!services.ok()) return services.status();
  if (services->empty()) {
    const absl::Status none = name.empty() ? RequireHosts(context) : ExplainNothing(context, name);
    if (!none.ok()) return none;
  }
  StateFilter(context.invocation.flags.states).Keep(*services);
  if (absl::Status s = context.fleet.Services(*services); !s.ok()) return s;
  return kDone;
}

}  // namespace

absl::StatusOr<ExitCode> ListFleetHosts(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchFleetHosts(context);
  absl::StatusOr<std::vector<v1::Host>> hosts = context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
  if (hosts->empty()) {
    if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  }
  StateFilter(context.invocation.flags.states).Keep(*hosts);
  if (absl::Status s = context.fleet.Hosts(*hosts); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListFleetMachines(FleetContext& context) {
  const absl::StatusOr<std::vector<v1::Host>> hosts =
      context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
  if (hosts->empty()) {
    if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  }
  std::vector<v1::Machine> machines;
  for (const v1::Host& host : *hosts) {
    v1::Machine& machine = machines.emplace_back();
    machine.set_machine(host.host());
    machine.set_actual(HostOfAddress(host.address()));
  }
  if (absl::Status s = context.renderer.Machines(machines); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListFleetServices(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchFleetServices(context);
  // gitopperctl's `list service NAME`.
  return ListNamed(context, context.invocation.arguments.empty() ? "" : context.argument(0));
}

absl::StatusOr<ExitCode> GetFleetService(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchFleetServices(context);
  const bool one = SelectsOneHost(context.selection());
  if (one && context.invocation.flags.output != OutputForm::kName) return GetWholeService(context);
  return ListNamed(context, context.argument(0));
}

absl::StatusOr<ExitCode> GetFleetHost(FleetContext& context) {
  const absl::StatusOr<v1::Host> host = FindHost(context, context.argument(0));
  if (!host.ok()) return host.status();
  if (context.invocation.flags.watch) return WatchFleetHosts(context);
  if (absl::Status s = context.fleet.Host(*host); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListLocks(FleetContext& context) {
  const absl::StatusOr<std::vector<v1::HostLock>> locks = context.planner.ListLocks();
  if (!locks.ok()) return locks.status();
  if (absl::Status s = context.fleet.Locks(*locks); !s.ok()) return s;
  return kDone;
}

}  // namespace gitops::ctl
