#ifndef GITOPS_SERVICES_PLANNER_PLAN_PLAN_MAKER_H_
#define GITOPS_SERVICES_PLANNER_PLAN_PLAN_MAKER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
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
  AgentCaller* agents = nullptr;
  Clock* clock = nullptr;
  size_t most_bytes = 64 << 20;  // of the names, addresses and actions of a plan's hosts
};

class PlanMaker {
 public:
  virtual ~PlanMaker() = default;

  // A plan without token and times. `changes`: something will be changed, so the whole fleet needs
  // `all`. `deployment` goes to the hooks; empty: none yet. `calls` gets the select hooks' calls,
  // also after an error; may be null. Errors as PlannerService.CreatePlan.
  virtual absl::StatusOr<v1::Plan> Make(const v1::DeploymentSpec& spec, bool changes,
                                        const std::string& deployment,
                                        const std::string& traceparent,
                                        std::vector<v1::HookCall>* calls,
                                        const std::function<bool()>& give_up) = 0;

  // The plan `shown` made again as the world is now: its revisions are kept, the selection and its
  // hooks are asked anew. FAILED_PRECONDITION: it is not what was shown; says what changed (hosts,
  // order, actions, waves, addresses, services' revisions and freezes where both times known).
  virtual absl::StatusOr<v1::Plan> Confirm(const v1::Plan& shown, const std::string& deployment,
                                           const std::string& traceparent,
                                           std::vector<v1::HookCall>* calls,
                                           const std::function<bool()>& give_up) = 0;
};

std::unique_ptr<PlanMaker> NewPlanMaker(PlanMakerOptions options);

// INVALID_ARGUMENT: what is wrong with a spec in itself: actions, selection, amounts, a revision
// that is no commit, `service` or `revision` without an action that takes them, negative durations.
absl::Status CheckSpec(const v1::DeploymentSpec& spec, bool changes);

// What differs, in sentences; empty: nothing that matters.
std::vector<std::string> ComparePlans(const v1::Plan& shown, const v1::Plan& now);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_PLAN_MAKER_H_
