#ifndef GITOPS_SERVICES_PLANNER_RPC_HOOK_CALLS_H_
#define GITOPS_SERVICES_PLANNER_RPC_HOOK_CALLS_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"

namespace gitops {

// PlannerService.TestHooks; errors as there. DEADLINE_EXCEEDED: not within the request's timeout.
absl::StatusOr<v1::TestHooksResponse> TestHooks(HookCaller& hooks, const Fleet& fleet, Clock& clock,
                                                const v1::TestHooksRequest& request,
                                                const std::string& traceparent,
                                                const std::function<bool()>& give_up);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_HOOK_CALLS_H_
