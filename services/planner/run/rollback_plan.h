#ifndef GITOPS_SERVICES_PLANNER_RUN_ROLLBACK_PLAN_H_
#define GITOPS_SERVICES_PLANNER_RUN_ROLLBACK_PLAN_H_

#include <string>
#include <vector>

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

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_ROLLBACK_PLAN_H_
