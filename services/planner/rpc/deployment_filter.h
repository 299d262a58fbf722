#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_FILTER_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_FILTER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {

// INVALID_ARGUMENT: it is empty.
absl::Status CheckDeploymentId(const std::string& id);

// Decides which deployments match a filter. Reads their hosts only if the filter needs them. One
// thread.
class DeploymentMatcher {
 public:
  // Neither is owned.
  DeploymentMatcher(DeploymentStore* store, const v1::DeploymentFilter& filter)
      : store_(store), filter_(filter) {}

  // A range that contains all deployments that match.
  DeploymentStore::IdRange ids() const;
  // `deployment` is one without hosts. Errors as DeploymentStore's.
  absl::StatusOr<bool> Matches(const v1::Deployment& deployment);
  // This call has read as much as one call may.
  bool exhausted() const { return deployments_ >= kManyDeployments || hosts_ >= kManyHosts; }

 private:
  static constexpr int kManyDeployments = 5000;
  static constexpr int kManyHosts = 100'000;

  absl::StatusOr<bool> MatchesHosts(const v1::Deployment& deployment);

  DeploymentStore* const store_;
  const v1::DeploymentFilter& filter_;
  int deployments_ = 0;  // that did not match
  int hosts_ = 0;        // that were read
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_FILTER_H_
