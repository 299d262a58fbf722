#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/state_filter.h"
#include "ctl/failure.h"

namespace gitops::ctl {
namespace {

// Where the agent is dialled, without the port: what comes nearest to the machine's own name, which
// the planner does not keep.
std::string HostOfAddress(const std::string& address) {
  if (address.rfind("unix:", 0) == 0) return address;
  return address.substr(0, address.rfind(':'));
}

absl::Status NoSuchService(const std::string& name) {
  return WithHint(absl::NotFoundError(absl::StrCat("no selected host has a service ", name)),
                  "gitopsctl list services shows the existing services");
}

}  // namespace

absl::StatusOr<ExitCode> ListFleetHosts(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchFleetHosts(context);
  absl::StatusOr<std::vector<v1::Host>> hosts = context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
  StateFilter(context.invocation.flags.states).Keep(*hosts);
  if (absl::Status s = context.fleet.Hosts(*hosts); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListFleetMachines(FleetContext& context) {
  const absl::StatusOr<std::vector<v1::Host>> hosts =
      context.planner.ListHosts(context.selection());
  if (!hosts.ok()) return hosts.status();
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
  if (!context.invocation.arguments.empty()) return GetFleetService(context);
  absl::StatusOr<std::vector<v1::Service>> services =
      context.planner.ListServices(context.selection(), "");
  if (!services.ok()) return services.status();
  StateFilter(context.invocation.flags.states).Keep(*services);
  if (absl::Status s = context.fleet.Services(*services); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> GetFleetService(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchFleetServices(context);
  const absl::StatusOr<std::vector<v1::Service>> services =
      context.planner.ListServices(context.selection(), context.argument(0));
  if (!services.ok()) return services.status();
  if (services->empty()) return NoSuchService(context.argument(0));
  if (absl::Status s = context.fleet.Services(*services); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> GetFleetHost(FleetContext& context) {
  const absl::StatusOr<v1::Host> host = context.planner.GetHost(context.argument(0));
  if (absl::IsNotFound(host.status())) {
    return WithHint(
        absl::NotFoundError(absl::StrCat("no host ", context.argument(0), " in the fleet")),
        "gitopsctl list hosts shows the existing hosts");
  }
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
