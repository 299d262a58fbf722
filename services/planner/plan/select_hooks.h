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

// Lists of actions, which stay where they are as more are added.
using ActionLists = std::deque<std::vector<std::string>>;

// A host of the fleet that was looked at, with what is to be done on it. It owns neither: there are
// 100,000, and those that no hook was asked about share one list.
struct ChosenHost {
  const FleetHost* host;
  const std::vector<std::string>* actions;
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
// they are. HOOK_STOPPED: a hook stopped it, or the answer holds a host twice, one that is not in
// the fleet, or an unknown action. Others as HookCaller::Dispatch. What hooks answered is kept in
// `lists`.
absl::StatusOr<std::vector<ChosenHost>> AskSelectHooks(const SelectHookContext& context,
                                                       absl::string_view point,
                                                       const FleetView& fleet,
                                                       std::vector<ChosenHost> hosts,
                                                       ActionLists& lists);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_SELECT_HOOKS_H_
