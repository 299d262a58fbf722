#include <algorithm>
#include <utility>

#include "common/crash/crash_point.h"
#include "services/planner/run/deployment_run.h"
#include "services/planner/run/host_run.h"

namespace gitops {
namespace {

constexpr int kProbesAtOnce = 64;
// A decision takes time in proportion to all hosts, so deciding after each host that ends would be
// quadratic. While at least kManyWorkers are in progress, decisions are kPauseToDecision times
// their own duration apart, at most kLongestPause.
constexpr int kManyWorkers = 32;
constexpr int kPauseToDecision = 19;
constexpr absl::Duration kLongestPause = absl::Milliseconds(20);

}  // namespace

// Probes the agents of the hosts that begin when the locks are taken.
void DeploymentRun::ProbeFirstHosts() {
  if (locks_ != nullptr) return;  // they begin now
  const absl::Time now = DecisionTime();
  std::vector<AgentAddress> agents;
  {
    MutexLock lock(mutex_);
    for (const int index : Decide(policy_, Stand(now), now).begin) {
      agents.push_back(AgentOf(slots_[index].entry.host));
    }
  }
  const int askers = std::min(static_cast<int>(agents.size()), kProbesAtOnce);
  probes_.Expect(std::move(agents));
  Employ(std::vector<std::function<void()>>(askers, [this] {
    while (probes_.AskNext()) {
    }
  }));
}

void DeploymentRun::BeginHosts(const std::vector<int>& hosts) {
  bool new_wave = false;
  {
    MutexLock lock(mutex_);
    if (IsStopped()) return;  // since it was decided
    v1::Deployment& deployment = entry_.deployment;
    for (const int index : hosts) {
      const int wave = slots_[index].entry.host.wave();
      new_wave |= wave > deployment.current_wave();
      deployment.set_current_wave(std::max(wave, deployment.current_wave()));
    }
    dirty_ |= new_wave;
    // The time limit for unreachable hosts begins anew with each wave.
    if (new_wave) entry_.state.clear_catch_up_until();
  }
  if (new_wave) released_done_ = false;
  if (new_wave) CrashPoint("planner-before-wave");
  Work(hosts, /*roll_back=*/false, /*recovered=*/false);
}

// Gives each host to a worker. They count as under way from here on.
void DeploymentRun::Work(const std::vector<int>& hosts, bool roll_back, bool recovered) {
  std::vector<std::function<void()>> jobs;
  {
    MutexLock lock(mutex_);
    if (!roll_back && !recovered && IsStopped()) return;
    jobs.reserve(hosts.size());
    for (const int index : hosts) {
      Slot& slot = slots_[index];
      slot.retry = false;
      slot.entry.rolling_back = roll_back;
      jobs.push_back([this, index, recovered, entry = slot.entry]() mutable {
        Done(index, RunHost(this, index, std::move(entry), recovered));
      });
      slot.entry.host.set_state(v1::HOST_DEPLOYMENT_STATE_RUNNING);
    }
  }
  Employ(std::move(jobs));
}

void DeploymentRun::Done(int index, HostRecord entry) {
  MutexLock lock(mutex_);
  slots_[index].entry = std::move(entry);
}

void DeploymentRun::Employ(std::vector<std::function<void()>> jobs) {
  {
    MutexLock lock(mutex_);
    workers_ += static_cast<int>(jobs.size());
  }
  for (std::function<void()>& job : jobs) {
    job = [this, run = std::move(job)] {
      run();
      MutexLock lock(mutex_);
      --workers_;
      woken_ = true;
      if (!resting_ || workers_ < kManyWorkers) changed_.NotifyAll();
    };
  }
  parts_.workers->RunAll(id(), std::move(jobs));
}

void DeploymentRun::RestAfter(absl::Duration decision) {
  MutexLock lock(mutex_);
  const SteadyTime end = SteadyNow() + std::min(kPauseToDecision * decision, kLongestPause);
  resting_ = true;
  while (!leaving() && workers_ >= kManyWorkers &&
         options().clock->WaitUntil(mutex_, changed_, end)) {
  }
  resting_ = false;
}

void DeploymentRun::AwaitWorkers() {
  MutexLock lock(mutex_);
  while (workers_ > 0) changed_.Wait(mutex_);
}

}  // namespace gitops
