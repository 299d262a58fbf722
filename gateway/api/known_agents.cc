#include "gateway/api/known_agents.h"

#include <cstddef>
#include <utility>

namespace gitops {
namespace {

// As many as HostAgents has channels.
constexpr size_t kMost = 1000;

}  // namespace

std::shared_ptr<const Backend> KnownAgents::Find(const std::string& host) {
  MutexLock lock(mutex_);
  const auto known = known_.find(host);
  if (known == known_.end()) return nullptr;
  if (clock_->SteadyNow() < known->second.until) return known->second.agent;
  known_.erase(known);
  return nullptr;
}

void KnownAgents::Put(const std::string& host, std::shared_ptr<const Backend> agent,
                      SteadyTime found) {
  MutexLock lock(mutex_);
  if (known_.size() >= kMost) known_.erase(known_.begin());
  known_[host] = {.agent = std::move(agent), .until = found + kKnown};
}

void KnownAgents::Remove(const std::string& host) {
  MutexLock lock(mutex_);
  known_.erase(host);
}

}  // namespace gitops
