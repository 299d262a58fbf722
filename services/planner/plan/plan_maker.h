#ifndef GITOPS_SERVICES_PLANNER_PLAN_PLAN_MAKER_H_
#define GITOPS_SERVICES_PLANNER_PLAN_PLAN_MAKER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"

namespace gitops {

// Makes plans: selection with its hooks, waves, and the revisions that `sync` goes to. Any thread.
struct PlanMakerOptions {
  Fleet* fleet = nullptr;  // none of these is owned
  HookCaller* hooks = nullptr;
  RevisionResolver* agents = nullptr;
  Clock* clock = nullptr;
  size_t most_bytes = 64 << 20;  // of the names, addresses and actions of a plan's hosts
};

// The call for which a plan is made.
struct PlanContext {
  std::string deployment;  // for the hooks; empty: none
  std::string traceparent;
  std::vector<v1::HookCall>* calls = nullptr;  // gets the calls of the select hooks, if not null
  std::function<bool()> give_up;               // may be empty
};

class PlanMaker {
 public:
  explicit PlanMaker(PlanMakerOptions options) : options_(options) {}

  // Returns a plan without token and times. `changes`: the plan is carried out, so the whole fleet
  // needs `all`. Errors as PlannerService.CreatePlan; `context.calls` is set after an error too.
  absl::StatusOr<v1::Plan> Make(const v1::DeploymentSpec& spec, bool changes,
                                const PlanContext& context) const;

  // Makes the plan `shown` again for the current fleet: keeps its revisions, repeats the selection
  // and its hooks. FAILED_PRECONDITION: the result differs from `shown`; the message says how
  // (hosts, order, actions, waves, addresses, revisions and freezes of services if both plans know
  // them).
  absl::StatusOr<v1::Plan> Confirm(const v1::Plan& shown, const PlanContext& context) const;

 private:
  absl::StatusOr<v1::Plan> Run(const v1::DeploymentSpec& spec, bool changes,
                               const PlanContext& context, const v1::Plan* shown,
                               std::vector<std::string>* missing) const;

  const PlanMakerOptions options_;
};

// The differences, in sentences; empty: none that matter.
std::vector<std::string> ComparePlans(const v1::Plan& shown, const v1::Plan& now);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_PLAN_MAKER_H_
