#ifndef GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/v1/operation.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/agents/agent_peers.h"

namespace gitops {

// Connects to agents: the part of AgentCaller that knows connections. Any thread.
class AgentLink {
 public:
  using Agent = std::shared_ptr<AgentPeer>;

  explicit AgentLink(const AgentCallerOptions& options);

  const AgentCallerOptions& options() const { return options_; }
  SteadyTime Now() const { return options_.clock->SteadyNow(); }

  // Gets the agent's status, on a new connection if the old one is dead, as proof that the agent is
  // running. UNAVAILABLE: it does not answer within `timeout`; CANCELLED: gave up; others as
  // Dial's.
  absl::StatusOr<v1::GetHostStatusResponse> Ask(const std::string& address, absl::Duration timeout,
                                                const GiveUp& give_up);

  // An agent that is running: it answered in the last seconds, or does so now. Errors as Ask's,
  // within connect_timeout.
  absl::StatusOr<Agent> Reach(const std::string& address, const GiveUp& give_up);

  // Waits until `until`. False: gave up.
  bool Pause(SteadyTime until, const GiveUp& give_up) const;

 private:
  // As Ask; `reached` is set if the agent answered at all.
  absl::StatusOr<v1::GetHostStatusResponse> AskFor(const std::string& address,
                                                   absl::Duration timeout, const GiveUp& give_up,
                                                   Agent& reached);

  const AgentCallerOptions options_;
  AgentPeers agents_;
};

// AgentCaller::Perform (perform_action.cc).
PerformOutcome PerformAction(AgentLink& link, const std::string& address,
                             const v1::PerformActionRequest& request, const GiveUp& give_up);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_
