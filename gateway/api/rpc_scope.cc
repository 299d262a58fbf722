#include "gateway/api/rpc_scope.h"

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {
namespace {

struct Row {
  absl::string_view method;
  RpcScope scope;
};

// Of the planner. Lists of deployments, locks, hooks and damaged records, and debug information,
// are not here: they say something about every host.
constexpr Row kRows[] = {
    {"AcknowledgeHost", RpcScope::kHost},
    {"BreakLock", RpcScope::kHost},
    {"CancelDeployment", RpcScope::kDeployment},
    {"CreateDeployment", RpcScope::kNewDeployment},
    {"CreatePlan", RpcScope::kNewPlan},
    {"DiffServices", RpcScope::kSelection},
    {"FreezeServices", RpcScope::kChange},
    {"GetDeployment", RpcScope::kDeployment},
    {"GetHost", RpcScope::kHost},
    {"GetPlan", RpcScope::kPlan},
    {"GetServices", RpcScope::kSelection},
    {"ListDeploymentHosts", RpcScope::kDeployment},
    {"ListFleetServices", RpcScope::kSelection},
    {"ListHosts", RpcScope::kSelection},
    {"ListPlanHosts", RpcScope::kPlan},
    {"PullServices", RpcScope::kChange},
    {"ResumeDeployment", RpcScope::kDeployment},
    {"RollbackDeployment", RpcScope::kDeployment},
    {"RollbackServices", RpcScope::kChange},
    {"UnfreezeServices", RpcScope::kChange},
    {"WatchDeployment", RpcScope::kDeployment},
    {"WatchFleet", RpcScope::kSelection},
};

}  // namespace

RpcScope ScopeOf(const RpcRoute& route) {
  if (!route.host_variable.empty()) return RpcScope::kHost;
  if (route.method->service()->name() != "PlannerService") return RpcScope::kRefused;
  for (const Row& row : kRows) {
    if (row.method == route.method->name()) return row.scope;
  }
  return RpcScope::kRefused;
}

}  // namespace gitops
