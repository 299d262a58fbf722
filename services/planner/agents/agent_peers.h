#ifndef GITOPS_SERVICES_PLANNER_AGENTS_AGENT_PEERS_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_AGENT_PEERS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/peer.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

using AgentPeer = Peer<v1::OperationService, v1::AgentService>;

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
  absl::StatusOr<std::shared_ptr<AgentPeer>> Get(const std::string& address, SteadyTime now);
  size_t size();

 private:
  struct Entry {
    std::shared_ptr<AgentPeer> peer;
    SteadyTime used;
  };
  using Dropped = std::vector<std::shared_ptr<AgentPeer>>;

  std::shared_ptr<AgentPeer> Find(const std::string& address, SteadyTime now);
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

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_AGENT_PEERS_H_
