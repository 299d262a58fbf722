#include "services/planner/run/host_probes.h"

#include <utility>

namespace gitops {
namespace {

// How long an answer is valid. The longer, the more hosts can be switched off unnoticed.
constexpr absl::Duration kFresh = absl::Seconds(1);

}  // namespace

void HostProbes::Expect(std::vector<AgentAddress> agents) {
  MutexLock lock(mutex_);
  for (const AgentAddress& agent : agents) probes_.try_emplace(agent);
  expected_.assign(agents.begin(), agents.end());
}

bool HostProbes::AskNext() {
  AgentAddress agent = "";
  {
    MutexLock lock(mutex_);
    const auto taken = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      const auto probe = probes_.find(expected_.front());
      return probe == probes_.end() || probe->second.state != Probe::State::kExpected;
    };
    while (!expected_.empty() && taken()) expected_.pop_front();
    if (expected_.empty()) return false;
    agent = std::move(expected_.front());
    expected_.pop_front();
    probes_[agent].state = Probe::State::kAsked;
  }
  absl::Status answer = agents_->Status(agent).status();
  MutexLock lock(mutex_);
  Probe& probe = probes_[agent];
  probe.state = Probe::State::kAnswered;
  probe.answer = std::move(answer);
  probe.time = clock_->SteadyNow();
  if (probe.answered != nullptr) probe.answered->NotifyAll();
  return true;
}

absl::Status HostProbes::Reach(const AgentAddress& agent) {
  {
    MutexLock lock(mutex_);
    auto probe = probes_.find(agent);
    while (probe != probes_.end() && probe->second.state == Probe::State::kAsked) {
      // Another worker may remove the probe meanwhile.
      std::shared_ptr<CondVar>& answered = probe->second.answered;
      if (answered == nullptr) answered = std::make_shared<CondVar>();
      const std::shared_ptr<CondVar> waited_for = answered;
      waited_for->Wait(mutex_);
      probe = probes_.find(agent);
    }
    if (probe != probes_.end()) {
      const Probe found = std::move(probe->second);
      probes_.erase(probe);
      const bool fresh =
          found.state == Probe::State::kAnswered && clock_->SteadyNow() - found.time < kFresh;
      if (fresh) return found.answer;
    }
  }
  return agents_->Status(agent).status();
}

}  // namespace gitops
