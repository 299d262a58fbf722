#ifndef GITOPS_SERVICES_PLANNER_RUN_RUNNING_CHECKS_H_
#define GITOPS_SERVICES_PLANNER_RUN_RUNNING_CHECKS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// The health checks that run now, with their tries so far, for watchers of deployments. In memory
// only: a try is not worth a write to the store. Any thread.
class RunningChecks {
 public:
  // The checks of a host of a deployment.
  struct Standing {
    int tries = 0;
    std::string failing;  // the last answer of a check that has not succeeded
    absl::Time deadline;
  };
  // Called with the index of the host.
  using Changed = std::function<void(int host)>;

  void Set(const std::string& deployment, int host, Standing standing);
  void End(const std::string& deployment, int host);

  bool Has(const std::string& deployment, int host) const;
  // Fills in the checks that run on `shown`, which is that host with its steps.
  void AddTo(const std::string& deployment, int host, v1::HostDeployment& shown) const;

  // Calls back after each change in a deployment. `changed` must be quick. Never 0.
  int64_t Subscribe(const std::string& deployment, Changed changed);
  // No callback runs after it.
  void Unsubscribe(int64_t id);

 private:
  void Tell(const std::string& deployment, int host) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::pair<std::string, int>, Standing> standings_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, std::pair<std::string, Changed>> subscribers_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Writes a standing into the record of its action.
void ShowTries(const RunningChecks::Standing& standing, v1::ActionRecord& action);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_RUNNING_CHECKS_H_
