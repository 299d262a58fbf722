#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_ID_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_ID_H_

#include <string>

#include "absl/time/time.h"

namespace gitops {

// "20261122-221530-k7q2mx": the second in UTC, its millisecond (two digits of base 32), and a
// counter (four digits) with a random start. The ids of one process sort by time, and two planners
// hardly ever make the same id.
std::string MakeDeploymentId(absl::Time now);

// The beginning of ids made at that time. Compares with ids as the times do.
std::string DeploymentIdTime(absl::Time time);

// The longest time between making an id and storing its deployment. Until then, parts without an
// entry may belong to a deployment that is being created.
inline constexpr absl::Duration kLongestCreation = absl::Hours(1);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_ID_H_
