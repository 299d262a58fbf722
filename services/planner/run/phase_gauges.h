#ifndef GITOPS_SERVICES_PLANNER_RUN_PHASE_GAUGES_H_
#define GITOPS_SERVICES_PLANNER_RUN_PHASE_GAUGES_H_

#include <map>
#include <string>
#include <utility>

#include "common/sync/mutex.h"
#include "services/planner/run/deployment_tally.h"

namespace gitops {

// Adds up how many hosts are in each phase over all running deployments, and tells what changed,
// the newest numbers last. Any thread.
class PhaseGauges {
 public:
  // `tell` is called without locks held, by one thread at a time.
  explicit PhaseGauges(std::function<void(const std::string& phase, int hosts)> tell)
      : tell_(std::move(tell)) {}

  // The counts of one deployment; all 0 once it has ended.
  void Set(const std::string& deployment, const PhaseCounts& counts);

 private:
  const std::function<void(const std::string& phase, int hosts)> tell_;
  Mutex mutex_;
  std::map<std::string, PhaseCounts> deployments_ ABSL_GUARDED_BY(mutex_);
  PhaseCounts totals_ ABSL_GUARDED_BY(mutex_){};
  PhaseCounts told_ ABSL_GUARDED_BY(mutex_){};
  bool telling_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_PHASE_GAUGES_H_
