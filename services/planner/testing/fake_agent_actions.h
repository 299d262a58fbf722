#ifndef GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_ACTIONS_H_
#define GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_ACTIONS_H_

#include <string>

#include "services/planner/testing/fake_agent_caller.h"

namespace gitops {

// What an action does to a fake agent. A sync stops after `most_moves` of its services, with
// INTERNAL, if it is not negative. `boot_id` is that of the boot under way.
PerformOutcome ActOn(FakeAgent& agent, const std::string& boot_id,
                     const v1::PerformActionRequest& request, int most_moves);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_TESTING_FAKE_AGENT_ACTIONS_H_
