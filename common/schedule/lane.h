#ifndef GITOPS_COMMON_SCHEDULE_LANE_H_
#define GITOPS_COMMON_SCHEDULE_LANE_H_

#include <memory>

#include "common/schedule/scheduler.h"

namespace gitops {

// A share of `scheduler` (not owned; must outlive the lane): of the jobs that are added to the lane
// at most `width` run at a time. The others wait without a thread, so that they hold up no jobs
// outside the lane. Jobs must be destroyed before the lane. Thread-safe.
std::unique_ptr<Scheduler> NewLane(Scheduler* scheduler, int width);

}  // namespace gitops

#endif  // GITOPS_COMMON_SCHEDULE_LANE_H_
