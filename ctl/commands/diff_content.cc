#include "ctl/commands/diff_content.h"

#include <algorithm>

#include "common/rpc/error.h"

namespace gitops::ctl {
namespace {

// The planner refuses, or each agent does.
bool IsRefused(const PlannerClient::Outcomes& outcomes) {
  if (!outcomes.ok()) return HasReason(outcomes.status(), Reason::kPermissionDenied);
  return std::any_of(outcomes->begin(), outcomes->end(), [](const v1::HostOutcome& outcome) {
    return outcome.code() == static_cast<int>(absl::StatusCode::kPermissionDenied);
  });
}

}  // namespace

PlannerClient::Outcomes DiffWithContent(FleetContext& context, v1::DiffServicesRequest request) {
  const auto nothing = [](const v1::HostOutcome&) {};
  request.set_content(true);
  PlannerClient::Outcomes outcomes = context.planner.Diff(request, nothing);
  if (!IsRefused(outcomes)) return outcomes;
  context.console.err << "gitopsctl: the content of files is for operators; names only\n";
  request.set_content(false);
  return context.planner.Diff(request, nothing);
}

}  // namespace gitops::ctl
