#ifndef GITOPS_SERVICES_PLANNER_METRICS_PLANNER_METRICS_H_
#define GITOPS_SERVICES_PLANNER_METRICS_PLANNER_METRICS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/metrics/metrics.h"
#include "common/store/store.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// What the planner tells Prometheus. Any thread. Must not outlive the Metrics it was made on.
class PlannerMetrics {
 public:
  virtual ~PlannerMetrics() = default;

  virtual void DeploymentEnded(v1::DeploymentState result, absl::Duration took) = 0;
  // How many hosts of all running deployments are in `phase` ("pending", "running"…).
  virtual void HostsInPhase(const std::string& phase, int hosts) = 0;
  // Deployments that wait for locks, or to be taken up.
  virtual void Queued(int deployments) = 0;
  // Shows when each host of the fleet was last heard from, and what its reports take. `fleet` is
  // not owned; it must live until the last Metrics::Text(). Once, before the first.
  virtual void ShowFleet(const Fleet* fleet) = 0;
  // Shows how many damaged records were found, by kind. `store` as `fleet` above.
  virtual void ShowDamaged(Store* store) = 0;
};

std::unique_ptr<PlannerMetrics> MakePlannerMetrics(Metrics& metrics);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_METRICS_PLANNER_METRICS_H_
