#include <algorithm>
#include <string>
#include <vector>

#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/selected.h"
#include "ctl/failure.h"

namespace gitops::ctl {
namespace {

using Show = absl::Status (FleetRenderer::*)(const v1::WatchFleetResponse&);

// Shows those answers that are `wanted`, and when the first ones are done.
template <typename Wanted>
absl::StatusOr<ExitCode> WatchFleet(FleetContext& context, const v1::WatchFleetRequest& request,
                                    Show show, const Wanted& wanted) {
  absl::Status printed;
  const absl::Status watched =
      context.planner.WatchFleet(request, [&](const v1::WatchFleetResponse& update) {
        if (wanted(update)) {
          printed = (context.fleet.*show)(update);
        } else if (update.initial_done()) {
          v1::WatchFleetResponse nothing;
          nothing.set_initial_done(true);
          printed = (context.fleet.*show)(nothing);
        }
        // A reader that has gone (`| head`) ends the watch.
        return printed.ok() && context.console.out.good();
      });
  return EndOfWatch(printed, watched);
}

}  // namespace

absl::StatusOr<ExitCode> WatchFleetHosts(FleetContext& context) {
  if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  v1::WatchFleetRequest request;
  *request.mutable_selection() = context.selection();
  const std::vector<std::string>& names = context.invocation.arguments;
  return WatchFleet(
      context, request, &FleetRenderer::HostUpdate, [&](const v1::WatchFleetResponse& update) {
        // `get host NAME -w` names one.
        return update.has_host() && (names.empty() || update.host().host() == names[0]);
      });
}

absl::StatusOr<ExitCode> WatchFleetServices(FleetContext& context) {
  if (absl::Status s = RequireHosts(context); !s.ok()) return s;
  const std::vector<std::string>& names = context.invocation.arguments;
  v1::WatchFleetRequest request;
  *request.mutable_selection() = context.selection();
  if (names.size() == 1) request.set_service(names[0]);
  return WatchFleet(
      context, request, &FleetRenderer::ServiceUpdate, [&](const v1::WatchFleetResponse& update) {
        return update.has_service() &&
               (names.empty() ||
                std::find(names.begin(), names.end(), update.service().service()) != names.end());
      });
}

}  // namespace gitops::ctl
