#ifndef GITOPS_AGENT_REPORT_TIMING_H_
#define GITOPS_AGENT_REPORT_TIMING_H_

#include "absl/time/time.h"

namespace gitops {

// The time until the next heartbeat: `interval` less up to a third of it; `random` is from [0, 1).
// Implausible intervals of a planner count as one second, or one hour.
absl::Duration HeartbeatDelay(absl::Duration interval, double random);

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_TIMING_H_
