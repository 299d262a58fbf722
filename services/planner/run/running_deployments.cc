#include "services/planner/run/running_deployments.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {

void RunningDeployments::Open() {
  MutexLock lock(mutex_);
  open_ = true;
}

absl::Status RunningDeployments::CheckOpen() {
  MutexLock lock(mutex_);
  return CheckOpenLocked();
}

absl::Status RunningDeployments::CheckOpenLocked() const {
  if (stopped_) {
    return MakeError(Reason::kServerStopping, "the planner is stopping; try again when it is back");
  }
  if (open_) return absl::OkStatus();
  return MakeError(
      Reason::kServerStarting,
      "the planner is starting: it takes up the deployments it left first; try again soon");
}

absl::StatusOr<RunningDeployments::Held> RunningDeployments::TakePlace() {
  MutexLock lock(mutex_);
  if (absl::Status status = CheckOpenLocked(); !status.ok()) return status;
  const auto unfinished = std::count_if(running_.begin(), running_.end(),
                                        [](const auto& run) { return !run.second->ended(); });
  if (unfinished + places_ >= most_) {
    return MakeError(
        Reason::kTooManyDeployments,
        absl::StrCat(most_, " deployments have not ended; wait for one, or cancel one"));
  }
  ++places_;
  return Held(nullptr, [this](void*) {
    MutexLock lock(mutex_);
    --places_;
  });
}

RunningDeployments::Held RunningDeployments::Claim(const std::string& id) {
  MutexLock lock(mutex_);
  while (!claimed_.insert(id).second) changed_.Wait(mutex_);
  return Held(nullptr, [this, id](void*) {
    MutexLock lock(mutex_);
    claimed_.erase(id);
    changed_.NotifyAll();
  });
}

RunningDeployments::RunPointer RunningDeployments::Find(const std::string& id) {
  MutexLock lock(mutex_);
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second;
}

bool RunningDeployments::Add(const std::string& id, RunPointer run) {
  MutexLock lock(mutex_);
  if (!stopped_) running_[id] = std::move(run);
  return !stopped_;
}

void RunningDeployments::Remove(const std::string& id) {
  RunPointer run;  // goes without the lock
  MutexLock lock(mutex_);
  const auto found = running_.find(id);
  if (found != running_.end()) run = std::move(found->second);
  running_.erase(id);
  changed_.NotifyAll();
}

void RunningDeployments::AwaitGone(const std::string& id) {
  MutexLock lock(mutex_);
  while (running_.contains(id)) changed_.Wait(mutex_);
}

void RunningDeployments::Stop() {
  std::vector<RunPointer> running;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (const auto& [id, run] : running_) running.push_back(run);
  }
  for (const RunPointer& run : running) run->Stop();
  running.clear();
  MutexLock lock(mutex_);
  while (!running_.empty()) changed_.Wait(mutex_);
}

}  // namespace gitops
