#ifndef GITOPS_SERVICES_PLANNER_RUN_RUNNING_DEPLOYMENTS_H_
#define GITOPS_SERVICES_PLANNER_RUN_RUNNING_DEPLOYMENTS_H_

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {

// The deployments that this process runs, and who may change which of them. Any thread.
class RunningDeployments {
 public:
  // Held until it is destroyed.
  using Held = std::shared_ptr<void>;
  using RunPointer = std::shared_ptr<DeploymentRun>;

  // At most `most` that have not ended.
  explicit RunningDeployments(int most) : most_(most) {}

  // From here on until Stop(), deployments may begin and be changed.
  void Open();
  // UNAVAILABLE: not opened yet, or stopped.
  absl::Status CheckOpen();

  // A place for a deployment that begins: until Add() has it, or it does not begin. Errors as
  // CheckOpen; RESOURCE_EXHAUSTED: as many as may be have not ended.
  absl::StatusOr<Held> TakePlace();
  // Waits until nobody else holds this deployment. Whoever changes its record, or launches it,
  // holds it meanwhile.
  Held Claim(const std::string& id);

  // Null: it does not run here.
  RunPointer Find(const std::string& id);
  // False: stopped. It is not to run then.
  bool Add(const std::string& id, RunPointer run);
  void Remove(const std::string& id);
  // Waits for the thread of a deployment that has ended: it gives locks back.
  void AwaitGone(const std::string& id);

  // Stops all, and waits until they are removed.
  void Stop();

 private:
  absl::Status CheckOpenLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int most_;
  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> claimed_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, RunPointer> running_ ABSL_GUARDED_BY(mutex_);
  int places_ ABSL_GUARDED_BY(mutex_) = 0;  // taken, and perhaps not in running_ yet
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_RUNNING_DEPLOYMENTS_H_
