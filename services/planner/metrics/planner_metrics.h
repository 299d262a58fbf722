#ifndef GITOPS_SERVICES_PLANNER_METRICS_PLANNER_METRICS_H_
#define GITOPS_SERVICES_PLANNER_METRICS_PLANNER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "common/metrics/metrics.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// The planner's Prometheus metrics. Any thread. Must not outlive `metrics`.
class PlannerMetrics {
 public:
  explicit PlannerMetrics(Metrics& metrics);

  // Does nothing for a deployment that has not ended.
  void DeploymentEnded(v1::DeploymentState result, absl::Duration took);
  // How many hosts of all running deployments are in `phase` ("pending", "running"…).
  void HostsInPhase(const std::string& phase, int hosts) {
    hosts_.Add({{"phase", phase}}).Set(hosts);
  }
  // How many hosts of running deployments wait for a thread.
  void Queued(int hosts) { queue_.Set(hosts); }
  // Shows when each host of the fleet was last heard from, and what its reports take. `fleet` is
  // not owned; it must live until the last Metrics::Text(). Once, before the first.
  void ShowFleet(const Fleet* fleet);
  // Shows the number of hosts whose audit is not what it was. The same of `faults`.
  void ShowAudits(std::function<int64_t()> faults);

 private:
  Metrics& metrics_;
  prometheus::Family<prometheus::Counter>& ended_;
  prometheus::Histogram& seconds_;
  prometheus::Family<prometheus::Gauge>& hosts_;
  prometheus::Gauge& queue_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_METRICS_PLANNER_METRICS_H_
