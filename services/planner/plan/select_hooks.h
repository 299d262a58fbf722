#ifndef GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_
#define GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gitops/v1/hooks.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/plan/fleet_selection.h"

namespace gitops {

// Lists of actions with stable addresses.
using ActionLists = std::deque<std::vector<std::string>>;

// A host and its actions. It owns neither: there may be 100,000 hosts, and those that no hook
// changed share one list.
struct ChosenHost {
  const FleetHost* host;
  const std::vector<std::string>* actions;
};

// The context of the two select points of one plan.
struct SelectHookContext {
  HookCaller* hooks = nullptr;  // not owned
  std::string deployment;       // empty: a plan
  std::string key;              // the beginning of idempotency keys
  std::string traceparent;
  bool ignore_errors = false;
  std::function<bool()> give_up;
  std::vector<v1::HookCall>* calls = nullptr;  // not owned; gets the calls
};

// Returns `hosts` as the hooks at `point` changed them; unchanged without a dispatcher. `fleet` has
// all hosts. HOOK_STOPPED: a hook stopped the plan, or the answer has a host twice, a host that is
// not in the fleet, or an unknown action. Others as HookCaller::Dispatch. `lists` keeps the lists
// that hooks returned.
absl::StatusOr<std::vector<ChosenHost>> AskSelectHooks(const SelectHookContext& context,
                                                       absl::string_view point,
                                                       const FleetView& fleet,
                                                       std::vector<ChosenHost> hosts,
                                                       ActionLists& lists);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_
