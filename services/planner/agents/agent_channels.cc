#include "services/planner/agents/agent_channels.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/config/ports.h"

namespace gitops {
namespace {

constexpr absl::Duration kSweepEvery = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::shared_ptr<AgentChannel>> AgentChannels::Get(const std::string& address,
                                                                 absl::Time now) {
  if (std::shared_ptr<AgentChannel> known = Find(address, now)) return known;
  // Channels are made and closed without the lock: that takes its time.
  ChannelOptions options = options_;
  options.address = address;
  options.default_port = kAgentPort;
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial(options);
  if (!channel.ok()) return channel.status();
  auto made = std::make_shared<AgentChannel>(*channel);
  Dropped dropped;
  MutexLock lock(mutex_);
  const auto [entry, is_new] = channels_.try_emplace(address, Entry{made, now});
  if (is_new) dropped = Sweep(now);
  return entry->second.channel;
}

std::shared_ptr<AgentChannel> AgentChannels::Find(const std::string& address, absl::Time now) {
  MutexLock lock(mutex_);
  const auto found = channels_.find(address);
  if (found == channels_.end()) return nullptr;
  found->second.used = now;
  return found->second.channel;
}

void AgentChannels::Drop(const std::string& address, const std::shared_ptr<AgentChannel>& channel) {
  Entry dropped;
  MutexLock lock(mutex_);
  const auto found = channels_.find(address);
  if (found == channels_.end() || found->second.channel != channel) return;
  dropped = std::move(found->second);
  channels_.erase(found);
}

size_t AgentChannels::size() {
  MutexLock lock(mutex_);
  return channels_.size();
}

AgentChannels::Dropped AgentChannels::Sweep(absl::Time now) {
  Dropped dropped;
  const bool many = channels_.size() > most_idle_;
  if (!many && now - swept_ < kSweepEvery) return dropped;
  swept_ = now;
  std::vector<std::pair<absl::Time, std::string>> idle;
  for (const auto& [address, entry] : channels_) {
    if (entry.channel.use_count() == 1) idle.emplace_back(entry.used, address);
  }
  std::sort(idle.begin(), idle.end());
  // Some more than needed, so that not every further Get comes here.
  size_t surplus = many ? idle.size() / 10 + 1 : 0;
  for (const auto& [used, address] : idle) {
    if (surplus == 0 && now - used < idle_timeout_) break;
    if (surplus > 0) --surplus;
    const auto found = channels_.find(address);
    dropped.push_back(std::move(found->second.channel));
    channels_.erase(found);
  }
  return dropped;
}

}  // namespace gitops
