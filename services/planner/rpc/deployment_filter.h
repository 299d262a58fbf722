#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_FILTER_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_FILTER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {

// INVALID_ARGUMENT: a state is unknown.
absl::Status CheckFilter(const v1::DeploymentFilter& filter);

// INVALID_ARGUMENT: neither basic nor full.
absl::Status CheckView(v1::View view);

// Tells which deployments a filter means. Reads their hosts only where the filter asks for them.
// One thread.
class DeploymentMatcher {
 public:
  // Neither is owned.
  DeploymentMatcher(DeploymentStore* store, const v1::DeploymentFilter& filter)
      : store_(store), filter_(filter) {}

  // `deployment` is one without hosts. Errors as DeploymentStore's.
  absl::StatusOr<bool> Matches(const v1::Deployment& deployment);
  // So many hosts were read that the rest is better left to another call.
  bool exhausted() const { return hosts_read_ >= kManyHosts; }

 private:
  static constexpr int kManyHosts = 200'000;

  absl::StatusOr<bool> MatchesHosts(const v1::Deployment& deployment);

  DeploymentStore* const store_;
  const v1::DeploymentFilter& filter_;
  int hosts_read_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_FILTER_H_
