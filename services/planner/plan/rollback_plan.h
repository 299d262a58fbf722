#ifndef GITOPS_SERVICES_PLANNER_PLAN_ROLLBACK_PLAN_H_
#define GITOPS_SERVICES_PLANNER_PLAN_ROLLBACK_PLAN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// The total effect of a host's moves, the service that moved last first; without services that are
// back at their first revision. Without a from_hash, nothing was published before.
std::vector<v1::ServiceMove> NetMoves(const v1::HostDeployment& host);

// The plan that reverts the moves of `done`: its hosts in reverse order, with the revisions that
// they had.
// FAILED_PRECONDITION: it moved nothing.
absl::StatusOr<v1::Plan> RollbackPlan(const v1::Deployment& done);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_ROLLBACK_PLAN_H_
