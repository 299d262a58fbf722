#ifndef GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_ID_H_
#define GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_ID_H_

#include <string>

#include "absl/time/time.h"

namespace gitops {

// "20261122-221530-k7q2mx": the second in UTC, then its millisecond (two digits of base 32) and a
// count (four) that begins anywhere, so that the ids of one process sort as they were made, and two
// planners hardly ever make the same.
std::string MakeDeploymentId(absl::Time now);

// What ids that were made at that time begin with; compares with ids as the times do.
std::string DeploymentIdTime(absl::Time time);

// What is stored under an id without an entry may still be one that is being created for so long
// after the id was made.
inline constexpr absl::Duration kLongestCreation = absl::Hours(1);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_DEPLOYMENT_ID_H_
