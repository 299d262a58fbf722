#include "services/planner/run/running_checks.h"

#include "common/clock/timestamp.h"

namespace gitops {

void RunningChecks::Set(const std::string& deployment, int host, Standing standing) {
  MutexLock lock(mutex_);
  standings_[{deployment, host}] = std::move(standing);
  Tell(deployment, host);
}

void RunningChecks::End(const std::string& deployment, int host) {
  MutexLock lock(mutex_);
  standings_.erase({deployment, host});
}

bool RunningChecks::Has(const std::string& deployment, int host) const {
  MutexLock lock(mutex_);
  return standings_.contains({deployment, host});
}

void RunningChecks::AddTo(const std::string& deployment, int host,
                          v1::HostDeployment& shown) const {
  MutexLock lock(mutex_);
  const auto found = standings_.find({deployment, host});
  if (found == standings_.end() || shown.steps().empty()) return;
  v1::StepRecord& step = *shown.mutable_steps(shown.steps_size() - 1);
  if (step.kind() != v1::STEP_KIND_HEALTHCHECKS || step.actions().empty()) return;
  v1::ActionRecord& action = *step.mutable_actions(step.actions_size() - 1);
  if (!action.has_end_time()) ShowTries(found->second, action);
}

int64_t RunningChecks::Subscribe(const std::string& deployment, Changed changed) {
  MutexLock lock(mutex_);
  subscribers_[++last_] = {deployment, std::move(changed)};
  return last_;
}

void RunningChecks::Unsubscribe(int64_t id) {
  MutexLock lock(mutex_);
  subscribers_.erase(id);
}

void RunningChecks::Tell(const std::string& deployment, int host) {
  for (const auto& [id, subscriber] : subscribers_) {
    if (subscriber.first == deployment) subscriber.second(host);
  }
}

void ShowTries(const RunningChecks::Standing& standing, v1::ActionRecord& action) {
  action.set_tries(standing.tries);
  *action.mutable_deadline() = ToTimestamp(standing.deadline);
  action.set_message(standing.failing);
}

}  // namespace gitops
