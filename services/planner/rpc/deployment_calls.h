#ifndef GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_CALLS_H_
#define GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_CALLS_H_

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/rpc/planner_service.h"

namespace gitops {

// Who calls, and whether still.
struct CallContext {
  std::string actor;
  std::string traceparent;
  std::function<bool()> give_up;
};

// The methods of PlannerService that make plans and begin, end and go on with deployments; errors
// as there. Any thread.
class DeploymentCalls {
 public:
  explicit DeploymentCalls(const PlannerServiceOptions& options) : options_(options) {}

  void Start() { started_ = true; }

  absl::StatusOr<v1::Plan> CreatePlan(const v1::DeploymentSpec& spec, const CallContext& call);
  absl::StatusOr<v1::Deployment> Create(const v1::CreateDeploymentRequest& request,
                                        const CallContext& call);
  absl::StatusOr<v1::Deployment> RollBack(const v1::RollbackDeploymentRequest& request,
                                          const CallContext& call);
  absl::StatusOr<v1::Deployment> Cancel(const v1::CancelDeploymentRequest& request,
                                        const CallContext& call);
  absl::StatusOr<v1::Deployment> Resume(const std::string& id, const CallContext& call);
  absl::StatusOr<v1::HostLock> BreakLock(const v1::BreakLockRequest& request,
                                         const CallContext& call);

 private:
  // Keeps a place among the deployments that have not ended while one is made.
  class Place;

  absl::Status CheckStarted() const;
  // With what its hosts' services moved, and without steps: there may be many.
  absl::StatusOr<v1::Deployment> WithHosts(const std::string& id) const;
  // FAILED_PRECONDITION: it ended without hosts. Others as DeploymentStore::Load.
  absl::Status CheckBegan(const std::string& id) const;
  // Stores the calls of a deployment that did not begin, as one that failed, so that every call is
  // kept. Answers `why`, with what became of them.
  absl::Status KeepCalls(const Deployments::NewDeployment& deployment, const absl::Status& why);
  absl::StatusOr<v1::Plan> PlanFor(const v1::CreateDeploymentRequest& request,
                                   const std::string& id, const CallContext& call,
                                   std::vector<v1::HookCall>* calls);

  const PlannerServiceOptions options_;
  std::atomic<bool> started_ = false;
  Mutex mutex_;
  int making_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_DEPLOYMENT_CALLS_H_
