#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_PROBES_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_PROBES_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "services/planner/agents/agent_caller.h"

namespace gitops {

// Asks agents for a sign of life before the first move on their hosts: without it, a host that was
// switched off a moment ago cannot be told from one that went away during its first action. Any
// thread.
class HostProbes {
 public:
  // Neither is owned.
  HostProbes(AgentCaller* agents, Clock* clock) : agents_(agents), clock_(clock) {}

  // Agents that AskNext() is to ask, in this order.
  void Expect(std::vector<std::string> addresses);
  // Asks the next of them that Reach() was not called for yet. False: there is none.
  bool AskNext();
  // AskNext() has nothing more to ask.
  void Stop() { Expect({}); }

  // OK: the agent answers, or has answered AskNext() within the last second; such an answer is used
  // once. Errors as AgentCaller::Status.
  absl::Status Reach(const std::string& address);

 private:
  struct Probe {
    enum class State { kExpected, kAsked, kAnswered } state = State::kExpected;
    absl::Status answer;  // kAnswered, and at `time`
    SteadyTime time;
    // Of its own, so that an answer does not wake the workers of other hosts. Null: nobody waits.
    std::shared_ptr<CondVar> answered;
  };

  AgentCaller* const agents_;
  Clock* const clock_;
  Mutex mutex_;
  std::deque<std::string> expected_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Probe> probes_ ABSL_GUARDED_BY(mutex_);  // by address
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_PROBES_H_
