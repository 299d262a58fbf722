#ifndef GITOPS_AGENT_REPORT_TIMING_H_
#define GITOPS_AGENT_REPORT_TIMING_H_

#include "absl/time/time.h"

namespace gitops {

// When an agent speaks to the planner. Plain functions; `random` is from [0, 1).

// How long to wait after `failures` attempts that came to nothing: at random, from a range that
// doubles from one second to ten, so that thousands of agents that lost their planner at the same
// moment do not come back at the same moment.
absl::Duration ReconnectDelay(int failures, double random);

// Until the next heartbeat: `interval` less up to a third of it. What a planner cannot mean (less
// than a second, more than an hour) is brought into that range.
absl::Duration HeartbeatDelay(absl::Duration interval, double random);

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_TIMING_H_
