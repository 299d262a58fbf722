#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_READS_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_READS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/run/deployments.h"

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

// The methods of PlannerService that read plans and deployments; errors as there. Reads and memory
// are proportional to the answer, not to the number of deployments, hosts and steps. A stored plan
// is always read whole. Thread-safe.
class DeploymentReads {
 public:
  // Not owned.
  DeploymentReads(DeploymentStore* store, Deployments* deployments)
      : store_(store), deployments_(deployments) {}

  absl::StatusOr<v1::GetDeploymentResponse> Get(const v1::GetDeploymentRequest& request) const;
  absl::StatusOr<v1::ListDeploymentHostsResponse> ListHosts(
      const v1::ListDeploymentHostsRequest& request) const;
  absl::StatusOr<v1::ListDeploymentsResponse> List(const v1::ListDeploymentsRequest& request) const;

  absl::StatusOr<v1::GetPlanResponse> GetPlan(const v1::GetPlanRequest& request) const;
  absl::StatusOr<v1::ListPlanHostsResponse> ListPlanHosts(
      const v1::ListPlanHostsRequest& request) const;

 private:
  // One host in the given view. NOT_FOUND: there are no more.
  absl::StatusOr<v1::HostDeployment> Host(const std::string& id, int index, v1::View view) const;

  DeploymentStore* const store_;
  Deployments* const deployments_;
};

// If a deployment in progress cannot be stored, sets its message to the reason, since its record
// does not have it. Returns that message; empty: it can be stored.
std::string AddTrouble(Deployments& deployments, v1::Deployment& deployment);

// Removes the hosts of `plan` that do not fit into an answer. Returns the ListPlanHosts token of
// the page with them; empty: all fit.
std::string KeepFirstHosts(v1::Plan& plan);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_READS_H_
