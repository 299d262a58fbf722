#include "services/planner/agents/agent_peers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/config/ports.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr absl::Duration kSweepEvery = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::shared_ptr<AgentPeer>> AgentPeers::Get(const std::string& address,
                                                           SteadyTime now) {
  if (std::shared_ptr<AgentPeer> known = Find(address, now)) return known;
  // Channels are created and closed without the lock, since both take time.
  PeerOptions options;
  options.channel = options_;
  options.channel.address = address;
  options.channel.default_port = kAgentPort;
  options.name = "agent";
  options.program = "gitops-agent";
  options.unreachable = Reason::kHostUnreachable;
  options.clock = clock_;
  absl::StatusOr<std::unique_ptr<AgentPeer>> made = AgentPeer::New(std::move(options));
  if (!made.ok()) return made.status();
  std::shared_ptr<AgentPeer> peer = *std::move(made);
  Dropped dropped;
  MutexLock lock(mutex_);
  const auto [entry, is_new] = peers_.try_emplace(address, Entry{peer, now});
  if (is_new) dropped = Sweep(now);
  return entry->second.peer;
}

std::shared_ptr<AgentPeer> AgentPeers::Find(const std::string& address, SteadyTime now) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(address);
  if (found == peers_.end()) return nullptr;
  found->second.used = now;
  return found->second.peer;
}

size_t AgentPeers::size() {
  MutexLock lock(mutex_);
  return peers_.size();
}

AgentPeers::Dropped AgentPeers::Sweep(SteadyTime now) {
  Dropped dropped;
  const bool many = peers_.size() > most_idle_;
  if (!many && now - swept_ < kSweepEvery) return dropped;
  swept_ = now;
  std::vector<std::pair<SteadyTime, std::string>> idle;
  for (const auto& [address, entry] : peers_) {
    if (entry.peer.use_count() == 1) idle.emplace_back(entry.used, address);
  }
  std::sort(idle.begin(), idle.end());
  // Some more than needed, so that not every further Get sweeps.
  size_t surplus = many ? idle.size() / 10 + 1 : 0;
  for (const auto& [used, address] : idle) {
    if (surplus == 0 && now - used < idle_timeout_) break;
    if (surplus > 0) --surplus;
    const auto found = peers_.find(address);
    dropped.push_back(std::move(found->second.peer));
    peers_.erase(found);
  }
  return dropped;
}

}  // namespace gitops
