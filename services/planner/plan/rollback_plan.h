#ifndef GITOPS_SERVICES_PLANNER_PLAN_ROLLBACK_PLAN_H_
#define GITOPS_SERVICES_PLANNER_PLAN_ROLLBACK_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops {

// Where one service was before a deployment, and where it is after it.
struct NetMove {
  std::string service;
  std::string from_hash;  // empty: nothing was published
  std::string to_hash;

  bool operator==(const NetMove&) const = default;
};

// What a host's moves come to, the service that moved last first; without those that are where
// they were.
std::vector<NetMove> NetMoves(const v1::HostDeployment& host);

// The plan that brings back what `done` moved: hosts in reverse order with the revisions they had.
// FAILED_PRECONDITION: it moved nothing.
absl::StatusOr<v1::Plan> RollbackPlan(const v1::Deployment& done);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_ROLLBACK_PLAN_H_
