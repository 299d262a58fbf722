#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/commands/commands.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/commands/whole_services.h"
#include "ctl/failure.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using Changes = std::vector<v1::Change>;

Changes ChangesOf(const v1::Service& service) {
  return {service.changes().begin(), service.changes().end()};
}

// Text for each of several services, under the name of its host.
template <typename Print>
absl::Status PrintEach(FleetContext& context, const std::vector<v1::Service>& services,
                       const Print& print) {
  for (size_t i = 0; i < services.size(); ++i) {
    if (services.size() > 1) {
      context.console.out << (i == 0 ? "" : "\n") << EscapeLine(services[i].host()) << ":\n";
    }
    if (absl::Status s = print(services[i]); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExitCode> History(CommandContext& context) {
  const auto service = context.agent.GetService(context.invocation.arguments[0]);
  if (!service.ok()) return service.status();
  if (absl::Status s = context.renderer.History(ChangesOf(*service)); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> FleetHistory(FleetContext& context) {
  const absl::StatusOr<WholeServices> whole = AskWholeServices(context, context.argument(0));
  if (!whole.ok()) return whole.status();
  const bool one = SelectsOneHost(context.selection()) && whole->services.size() == 1;
  const absl::Status printed =
      !context.invocation.flags.is_text() && !one
          ? context.fleet.Services(whole->services)
          : PrintEach(context, whole->services, [&](const v1::Service& service) {
              return context.renderer.History(ChangesOf(service));
            });
  if (!printed.ok()) return printed;
  return whole->exit_code;
}

absl::StatusOr<ExitCode> DescribeFleetService(FleetContext& context) {
  const absl::StatusOr<WholeServices> whole = AskWholeServices(context, context.argument(0));
  if (!whole.ok()) return whole.status();
  const absl::Status printed =
      !context.invocation.flags.is_text()
          ? context.fleet.Services(whole->services)
          : PrintEach(context, whole->services, [&](const v1::Service& service) {
              return context.renderer.Service(service);
            });
  if (!printed.ok()) return printed;
  return whole->exit_code;
}

absl::StatusOr<ExitCode> DescribeHost(FleetContext& context) {
  const std::string& name = context.argument(0);
  const absl::StatusOr<v1::Host> host = FindHost(context, name);
  if (!host.ok()) return host.status();
  v1::Selection selection;
  selection.add_on(LiteralGlob(name));
  const auto services = context.planner.ListServices(selection, "");
  if (!services.ok()) return services.status();
  if (absl::Status s = context.fleet.HostDescription(*host, *services); !s.ok()) return s;
  if (!context.invocation.flags.is_text()) return kDone;
  v1::DeploymentFilter filter;
  filter.set_host(name);
  const auto deployments = context.planner.ListDeployments(filter, 5);
  if (!deployments.ok()) return deployments.status();
  if (deployments->empty()) return kDone;
  context.console.out << "\nLast deployments:\n";
  if (absl::Status s = context.fleet.Deployments(*deployments); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> AcknowledgeHost(FleetContext& context) {
  const std::string& name = context.argument(0);
  const absl::StatusOr<v1::Host> before = FindHost(context, name);
  if (!before.ok()) return before.status();
  const absl::StatusOr<v1::Host> host =
      context.planner.AcknowledgeHost(name, context.invocation.flags.reason);
  if (!host.ok()) return host.status();
  if (!context.invocation.flags.is_text()) {
    if (absl::Status s = context.fleet.Host(*host); !s.ok()) return s;
    return kDone;
  }
  const std::string mark = before->has_failed_health()
                               ? absl::StrCat("acknowledged: ", before->failed_health().message())
                               : "nothing to acknowledge: its last deployment did not fail";
  context.console.out << EscapeLine(absl::StrCat(name, ": ", mark)) << "\n" << std::flush;
  return kDone;
}

}  // namespace gitops::ctl
