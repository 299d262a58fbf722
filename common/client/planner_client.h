#ifndef GITOPS_COMMON_CLIENT_PLANNER_CLIENT_H_
#define GITOPS_COMMON_CLIENT_PLANNER_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/client/client.h"
#include "gitops/v1/planner.pb.h"

namespace gitops {

template <typename Service>
class Calls;
namespace v1 {
class PlannerService;
}

// The planner's RPCs. On failure the methods return the planner's status, or that of the connection
// (Peer::Call): IsUnreachable() distinguishes an unreachable planner from its own errors. The first
// call opens the connection; after it breaks, the next call opens a new one.
//
// Methods block the caller's thread. Thread-safe. A copy has the same connection and is cheap; the
// last one must not be destroyed on one of gRPC's threads.
class PlannerClient {
 public:
  // Does not connect yet. Errors are those of Dial.
  static absl::StatusOr<PlannerClient> New(const ClientOptions& options);
  // This client for another caller, over the same connection.
  PlannerClient For(Caller caller) const;

  using Outcomes = absl::StatusOr<std::vector<v1::HostOutcome>>;
  using OutcomeSeen = std::function<void(const v1::HostOutcome&)>;

  // Lists are all pages.
  absl::StatusOr<std::vector<v1::Host>> ListHosts(const v1::Selection& selection);
  absl::StatusOr<v1::Host> GetHost(const std::string& host);
  absl::StatusOr<v1::Host> AcknowledgeHost(const std::string& host, const std::string& reason);
  // `service` empty: all.
  absl::StatusOr<std::vector<v1::Service>> ListServices(const v1::Selection& selection,
                                                        const std::string& service);
  // Calls `seen` for each outcome as it comes in, and returns all in the order of the selection.
  Outcomes Freeze(const v1::FreezeServicesRequest& request, const OutcomeSeen& seen);
  Outcomes Unfreeze(const v1::UnfreezeServicesRequest& request, const OutcomeSeen& seen);
  Outcomes Rollback(const v1::RollbackServicesRequest& request, const OutcomeSeen& seen);
  Outcomes Pull(const v1::PullServicesRequest& request, const OutcomeSeen& seen);
  Outcomes Diff(const v1::DiffServicesRequest& request, const OutcomeSeen& seen);
  // With their revisions and last changes.
  Outcomes GetServices(const v1::GetServicesRequest& request, const OutcomeSeen& seen);

  // These create one resource, even if the answer is lost and the call is repeated. A request
  // without a request_id gets one. With all of its hosts.
  absl::StatusOr<v1::Plan> CreatePlan(const v1::CreatePlanRequest& request);
  absl::StatusOr<v1::Deployment> CreateDeployment(const v1::CreateDeploymentRequest& request);
  absl::StatusOr<v1::Deployment> RollbackDeployment(const v1::RollbackDeploymentRequest& request);

  // With hook calls, and all of its hosts with their steps.
  absl::StatusOr<v1::Deployment> GetDeployment(const std::string& id);
  // Without hosts and hook calls.
  absl::StatusOr<v1::Deployment> GetDeploymentSummary(const std::string& id);
  // Newest first; at most this many (0: all).
  absl::StatusOr<std::vector<v1::Deployment>> ListDeployments(const v1::DeploymentFilter& filter,
                                                              int most = 0);
  absl::StatusOr<v1::Deployment> CancelDeployment(const std::string& id, const std::string& reason);
  absl::StatusOr<v1::Deployment> ResumeDeployment(const std::string& id);
  absl::StatusOr<std::vector<v1::HostLock>> ListLocks();
  absl::StatusOr<v1::HostLock> BreakLock(const std::string& host, const std::string& reason);
  absl::StatusOr<std::vector<v1::DamagedRecord>> ListDamagedRecords();
  absl::Status RemoveDamagedRecord(const std::string& key);
  // Of the agent of `host`; empty: of the planner.
  absl::StatusOr<v1::DebugInfo> GetDebugInfo(const std::string& host);
  absl::StatusOr<std::vector<v1::Hook>> ListHooks();
  absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& request);

  // Watches call `seen` for each answer until it returns false (then OK) or the watch ends
  // (UNAVAILABLE if the planner ended it). Only the caller's deadline limits their time. A request
  // with the resume_token of the last answer continues from there.
  template <typename Response>
  using Seen = std::function<bool(const Response&)>;
  absl::Status WatchFleet(const v1::WatchFleetRequest& request,
                          const Seen<v1::WatchFleetResponse>& seen);
  absl::Status WatchDeployments(const v1::WatchDeploymentsRequest& request,
                                const Seen<v1::WatchDeploymentsResponse>& seen);
  absl::Status WatchDeployment(const v1::WatchDeploymentRequest& request,
                               const Seen<v1::WatchDeploymentResponse>& seen);

  // The time until the caller's deadline.
  absl::Duration Remaining() const;

 private:
  explicit PlannerClient(std::shared_ptr<const Calls<v1::PlannerService>> calls)
      : calls_(std::move(calls)) {}

  std::shared_ptr<const Calls<v1::PlannerService>> calls_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_PLANNER_CLIENT_H_
