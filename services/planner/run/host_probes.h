#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_PROBES_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_PROBES_H_

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "services/planner/agents/agent_caller.h"

namespace gitops {

// Probes agents before the first move on their hosts. Without that, a host that was switched off a
// moment ago looks like one that was lost during its first action. Any thread.
class HostProbes {
 public:
  // Neither is owned.
  HostProbes(AgentCaller* agents, Clock* clock) : agents_(agents), clock_(clock) {}

  // Sets the agents that AskNext() probes, in this order.
  void Expect(std::vector<AgentAddress> agents);
  // Probes the next of them for which Reach() was not called yet. False: there is none.
  bool AskNext();
  // AskNext() returns false from now on.
  void Stop() { Expect({}); }

  // OK: the agent answers, or answered AskNext() within the last second; such an answer is used
  // once. Errors as AgentCaller::Status.
  absl::Status Reach(const AgentAddress& agent);

 private:
  struct Probe {
    enum class State { kExpected, kAsked, kAnswered } state = State::kExpected;
    absl::Status answer;  // kAnswered, and at `time`
    SteadyTime time;
    // One per probe, so that an answer does not wake the workers of other hosts. Null: nobody
    // waits.
    std::shared_ptr<CondVar> answered;
  };

  AgentCaller* const agents_;
  Clock* const clock_;
  Mutex mutex_;
  std::deque<AgentAddress> expected_ ABSL_GUARDED_BY(mutex_);
  std::map<AgentAddress, Probe> probes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_PROBES_H_
