#ifndef GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/peer.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/audit.grpc.pb.h"
#include "gitops/v1/operation.grpc.pb.h"
#include "services/planner/agents/agent_caller.h"

namespace gitops {

using AgentPeer = Peer<v1::OperationService, v1::AgentService, v1::AuditService>;

// One Peer for each agent's address. Those that nobody uses are closed after some minutes, and
// earlier if there are many. Thread-safe.
class AgentPeers {
 public:
  // `options` apply to every channel; Get sets the address.
  AgentPeers(ChannelOptions options, Clock* clock, size_t most_idle = 12'000,
             absl::Duration idle_timeout = absl::Minutes(5))
      : options_(std::move(options)),
        clock_(clock),
        most_idle_(most_idle),
        idle_timeout_(idle_timeout) {}

  // Errors as Dial's.
  absl::StatusOr<std::shared_ptr<AgentPeer>> Get(const AgentAddress& address, SteadyTime now);
  size_t size();

 private:
  struct Entry {
    std::shared_ptr<AgentPeer> peer;
    SteadyTime used;
  };
  using Dropped = std::vector<std::shared_ptr<AgentPeer>>;

  std::shared_ptr<AgentPeer> Find(const std::string& key, SteadyTime now);
  // Removes peers that are idle for too long, and the longest idle beyond the limit.
  Dropped Sweep(SteadyTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ChannelOptions options_;
  Clock* const clock_;
  const size_t most_idle_;
  const absl::Duration idle_timeout_;
  Mutex mutex_;
  std::map<std::string, Entry> peers_ ABSL_GUARDED_BY(mutex_);
  SteadyTime swept_ ABSL_GUARDED_BY(mutex_) = SteadyTime::InfinitePast();
};

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
  absl::StatusOr<v1::GetHostStatusResponse> Ask(const AgentAddress& address, absl::Duration timeout,
                                                const GiveUp& give_up);

  // An agent that is running: it answered in the last seconds, or does so now. Errors as Ask's,
  // within connect_timeout.
  absl::StatusOr<Agent> Reach(const AgentAddress& address, const GiveUp& give_up);

  // Waits until `until`. False: gave up.
  bool Pause(SteadyTime until, const GiveUp& give_up) const;

 private:
  // As Ask; `reached` is set if the agent answered at all.
  absl::StatusOr<v1::GetHostStatusResponse> AskFor(const AgentAddress& address,
                                                   absl::Duration timeout, const GiveUp& give_up,
                                                   Agent& reached);

  const AgentCallerOptions options_;
  AgentPeers agents_;
};

// AgentCaller::Perform (perform_action.cc).
PerformOutcome PerformAction(AgentLink& link, const AgentAddress& address,
                             const v1::PerformActionRequest& request, const GiveUp& give_up);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_
