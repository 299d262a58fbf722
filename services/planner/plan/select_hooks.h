#ifndef GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_
#define GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gitops/v1/hooks.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/plan/fleet_selection.h"

namespace gitops {

// A host of the fleet that was looked at, with what is to be done on it. Hosts that no hook changed
// share their list.
struct ChosenHost {
  const FleetHost* host;
  std::shared_ptr<const std::vector<std::string>> actions;
};

// The two select points of one plan.
struct SelectHookContext {
  HookCaller* hooks = nullptr;  // not owned
  std::string deployment;       // empty: a plan
  std::string key;              // the beginning of idempotency keys
  std::string traceparent;
  bool ignore_errors = false;
  std::function<bool()> give_up;
  std::vector<v1::HookCall>* calls = nullptr;  // not owned; gets what was called
};

// What the hooks at `point` make of `hosts`; `fleet` are all there are. Without a dispatcher: as
// they are. ABORTED: a hook stopped it, or the answer holds a host twice, one that is not in the
// fleet, or an unknown action. Others as HookCaller::Dispatch.
absl::StatusOr<std::vector<ChosenHost>> AskSelectHooks(const SelectHookContext& context,
                                                       absl::string_view point,
                                                       const FleetHosts& fleet,
                                                       std::vector<ChosenHost> hosts);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_
