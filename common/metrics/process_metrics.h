#ifndef GITOPS_COMMON_METRICS_PROCESS_METRICS_H_
#define GITOPS_COMMON_METRICS_PROCESS_METRICS_H_

#include "common/metrics/metrics.h"

namespace gitops {

// process_open_fds and process_max_fds, as Prometheus' own client libraries name them. As
// Metrics::AddCollector.
void AddProcessMetrics(Metrics& metrics);

}  // namespace gitops

#endif  // GITOPS_COMMON_METRICS_PROCESS_METRICS_H_
