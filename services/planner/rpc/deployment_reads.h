#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_READS_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_READS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/run/deployments.h"

namespace gitops {

// The methods of PlannerService that tell of plans and deployments; errors as there. What they hold
// in memory is bounded by the answer and one host, however many hosts there are. Any thread.
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
  // One host as the view shows it. NOT_FOUND: there are no more.
  absl::StatusOr<v1::HostDeployment> Host(const std::string& id, int index, v1::View view) const;
  // Says what the record cannot: that it cannot be written.
  void AddTrouble(v1::Deployment& deployment) const;

  DeploymentStore* const store_;
  Deployments* const deployments_;
};

// Leaves the first hosts of `plan`, as many as fit into an answer. Returns the token for
// ListPlanHosts of the page after them; empty: all fit.
std::string KeepFirstHosts(v1::Plan& plan);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_READS_H_
