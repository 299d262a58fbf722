#ifndef GITOPS_CTL_CLIENT_PLANNER_CLIENT_H_
#define GITOPS_CTL_CLIENT_PLANNER_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

struct PlannerClientOptions {
  std::string address;  // "ops1", "ops1:8001", "unix:/path"
  bool insecure = false;
  // On whose behalf: see UserAtHost().
  std::string user;
  // For the whole command, from now on. Without it, each kind of call has its own bound.
  std::optional<absl::Duration> timeout;
};

// The planner's RPCs. Every call but a watch ends by its deadline. On failure they answer the
// planner's status; a status that only says that the planner was not reached carries the exit code
// for that, and a request that it calls bad the one for usage (failure.h). Not thread-safe.
class PlannerClient {
 public:
  virtual ~PlannerClient() = default;

  using Outcomes = absl::StatusOr<std::vector<v1::HostOutcome>>;
  using OutcomeSeen = std::function<void(const v1::HostOutcome&)>;

  // Lists are all pages.
  virtual absl::StatusOr<std::vector<v1::Host>> ListHosts(const v1::Selection& selection) = 0;
  virtual absl::StatusOr<v1::Host> GetHost(const std::string& host) = 0;
  // `service` empty: all.
  virtual absl::StatusOr<std::vector<v1::Service>> ListServices(const v1::Selection& selection,
                                                                const std::string& service) = 0;
  // Each outcome is `seen` as it comes in; all are returned, in the order of the selection.
  virtual Outcomes Freeze(const v1::FreezeServicesRequest& request, const OutcomeSeen& seen) = 0;
  virtual Outcomes Unfreeze(const v1::UnfreezeServicesRequest& request,
                            const OutcomeSeen& seen) = 0;
  virtual Outcomes Rollback(const v1::RollbackServicesRequest& request,
                            const OutcomeSeen& seen) = 0;
  virtual Outcomes Pull(const v1::PullServicesRequest& request, const OutcomeSeen& seen) = 0;
  virtual Outcomes Diff(const v1::DiffServicesRequest& request, const OutcomeSeen& seen) = 0;

  // With all of its hosts.
  virtual absl::StatusOr<v1::Plan> CreatePlan(const v1::DeploymentSpec& spec) = 0;
  virtual absl::StatusOr<v1::Deployment> CreateDeployment(
      const v1::CreateDeploymentRequest& request) = 0;
  // With hook calls, and all of its hosts with their steps.
  virtual absl::StatusOr<v1::Deployment> GetDeployment(const std::string& id) = 0;
  // Newest first.
  virtual absl::StatusOr<std::vector<v1::Deployment>> ListDeployments(
      const v1::DeploymentFilter& filter) = 0;
  // Those of the first page, for completion.
  virtual absl::StatusOr<std::vector<v1::Deployment>> ListLatestDeployments(int count) = 0;
  virtual absl::StatusOr<v1::Deployment> CancelDeployment(const std::string& id,
                                                          const std::string& reason) = 0;
  virtual absl::StatusOr<v1::Deployment> ResumeDeployment(const std::string& id) = 0;
  virtual absl::StatusOr<v1::Deployment> RollbackDeployment(const std::string& id,
                                                            const std::string& reason) = 0;
  virtual absl::StatusOr<std::vector<v1::HostLock>> ListLocks() = 0;
  virtual absl::StatusOr<v1::HostLock> BreakLock(const std::string& host,
                                                 const std::string& reason) = 0;
  virtual absl::StatusOr<std::vector<v1::Hook>> ListHooks() = 0;
  virtual absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& request) = 0;

  // Watches call `seen` for each answer, until it answers false (then OK) or the watch ends
  // (UNAVAILABLE if the planner ended it). Bounded by the timeout only where one is set.
  using FleetSeen = std::function<bool(const v1::WatchFleetResponse&)>;
  virtual absl::Status WatchFleet(const v1::WatchFleetRequest& request, const FleetSeen& seen) = 0;
  using DeploymentInListSeen = std::function<bool(const v1::WatchDeploymentsResponse&)>;
  virtual absl::Status WatchDeployments(const v1::DeploymentFilter& filter,
                                        const DeploymentInListSeen& seen) = 0;
  using DeploymentSeen = std::function<bool(const v1::WatchDeploymentResponse&)>;
  virtual absl::Status WatchDeployment(const std::string& id, const DeploymentSeen& seen) = 0;

  // What is left of the timeout; infinite without one.
  virtual absl::Duration Remaining() const = 0;
  // Tries to connect at once, whatever failed before, and waits for that, a moment at most.
  virtual void ReconnectNow() = 0;
};

// Does not connect yet. Fails with exit code kUsage for a bad address, kUnreachable where plain
// text is refused.
absl::StatusOr<std::unique_ptr<PlannerClient>> NewPlannerClient(
    const PlannerClientOptions& options);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLIENT_PLANNER_CLIENT_H_
