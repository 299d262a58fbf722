#include <utility>
#include <vector>

#include "ctl/commands/commands.h"
#include "ctl/commands/state_filter.h"

namespace gitops::ctl {

absl::StatusOr<ExitCode> ListMachines(CommandContext& context) {
  const absl::StatusOr<std::vector<v1::Machine>> machines = context.agent.ListMachines();
  if (!machines.ok()) return machines.status();
  if (absl::Status s = context.renderer.Machines(*machines); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListServices(CommandContext& context) {
  if (context.invocation.flags.watch) return Watch(context);
  absl::StatusOr<std::vector<v1::Service>> services = std::vector<v1::Service>();
  if (context.invocation.arguments.empty()) {
    services = context.agent.ListServices();
  } else {
    // gitopperctl's `list service @h NAME`.
    absl::StatusOr<v1::Service> one = context.agent.GetService(context.invocation.arguments[0]);
    if (!one.ok()) return one.status();
    services->push_back(*std::move(one));
  }
  if (!services.ok()) return services.status();
  StateFilter(context.invocation.flags.states).Keep(*services);
  if (absl::Status s = context.renderer.Services(*services); !s.ok()) return s;
  return kDone;
}

}  // namespace gitops::ctl
