#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/commands/fleet_commands.h"
#include "ctl/commands/patience.h"
#include "ctl/commands/selected.h"
#include "ctl/commands/state_filter.h"
#include "ctl/failure.h"

namespace gitops::ctl {
namespace {

using Show = absl::Status (FleetRenderer::*)(const v1::WatchFleetResponse&);

std::string KeyOf(const v1::Service& service) {
  return absl::StrCat(service.host(), "/", service.service());
}

// Whether --state shows it.
bool Shows(StateFilter& filter, v1::WatchFleetResponse& update) {
  return update.has_host() ? filter.Shows(update.host().host(), update.host(), update)
                           : filter.Shows(KeyOf(update.service()), update.service(), update);
}

// Shows those answers that are `wanted`, and when the first ones are done.
template <typename Wanted>
absl::StatusOr<ExitCode> WatchFleet(FleetContext& context, const v1::WatchFleetRequest& request,
                                    Show show, const Wanted& wanted) {
  absl::Status printed;
  StateFilter filter(context.invocation.flags.states);
  const auto show_one = [&](v1::WatchFleetResponse update) {
    if (!wanted(update) || !Shows(filter, update)) update.clear_change();
    const bool news = update.change_case() != v1::WatchFleetResponse::CHANGE_NOT_SET;
    if (news || update.initial_done()) printed = (context.fleet.*show)(update);
    // A reader that has gone (`| head`) ends the watch.
    return printed.ok() && context.console.out.good();
  };
  const absl::Status watched = WatchPatiently(
      {.server = "planner",
       .err = context.console.err,
       .watch =
           [&](bool& answered) {
             return context.planner.WatchFleet(request, [&](const v1::WatchFleetResponse& update) {
               answered = true;
               return show_one(update);
             });
           },
       .restart = [&] { context.fleet.RestartWatch(); }});
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
