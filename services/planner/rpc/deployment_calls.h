#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_CALLS_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_CALLS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/principal.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/rpc/host_grants.h"
#include "services/planner/rpc/planner_service.h"

namespace gitops {

// The caller, and whether it still waits.
struct CallContext {
  Principal caller;
  std::string traceparent;
  std::function<bool()> give_up;
};

// The methods of PlannerService that make plans, change deployments and test hooks; errors as
// there. Checks requests and keeps their ids; Deployments has the rules. Any thread.
class DeploymentCalls {
 public:
  explicit DeploymentCalls(const PlannerServiceOptions& options) : options_(options) {}

  absl::StatusOr<v1::Plan> CreatePlan(const v1::CreatePlanRequest& request,
                                      const CallContext& call);
  absl::StatusOr<v1::Deployment> Create(const v1::CreateDeploymentRequest& request,
                                        const CallContext& call);
  absl::StatusOr<v1::Deployment> RollBack(const v1::RollbackDeploymentRequest& request,
                                          const CallContext& call);
  absl::StatusOr<v1::Deployment> Cancel(const v1::CancelDeploymentRequest& request,
                                        const CallContext& call);
  absl::StatusOr<v1::Deployment> Resume(const v1::ResumeDeploymentRequest& request,
                                        const CallContext& call);
  absl::StatusOr<v1::HostLock> BreakLock(const v1::BreakLockRequest& request,
                                         const CallContext& call);

  absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& request,
                                                  const CallContext& call);

 private:
  HostGrants GrantsOf(const CallContext& call) const;
  // For each host of a deployment.
  absl::Status CheckGrants(const std::string& id, const std::string& action,
                           const CallContext& call) const;

  // Begins the deployment of a request, unless a request with the same id has done so.
  template <typename Request>
  absl::StatusOr<v1::Deployment> BeginOnce(
      const Request& request, const CallContext& call,
      const std::function<absl::StatusOr<v1::Deployment>(Deployments::NewDeployment)>& begin);

  const PlannerServiceOptions options_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_CALLS_H_
