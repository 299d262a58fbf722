#ifndef GITOPS_CTL_OUTPUT_FLEET_RENDERER_H_
#define GITOPS_CTL_OUTPUT_FLEET_RENDERER_H_

#include <memory>
#include <ostream>
#include <vector>

#include "absl/status/status.h"
#include "ctl/output/renderer.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// What one move of a plan would change.
struct PlannedDifference {
  v1::ServiceMove move;
  std::vector<v1::HostOutcome> outcomes;
};

// Prints answers of the planner in one of the output forms. Otherwise the same as Renderer.
class FleetRenderer {
 public:
  virtual ~FleetRenderer() = default;

  virtual absl::Status Hosts(const std::vector<v1::Host>& hosts) = 0;
  virtual absl::Status Host(const v1::Host& host) = 0;
  // A host and its services.
  virtual absl::Status HostDescription(const v1::Host& host,
                                       const std::vector<v1::Service>& services) = 0;
  virtual absl::Status Services(const std::vector<v1::Service>& services) = 0;
  // One update of a watch. Prints only its hosts, or only its services.
  virtual absl::Status HostUpdate(const v1::WatchFleetResponse& update) = 0;
  virtual absl::Status ServiceUpdate(const v1::WatchFleetResponse& update) = 0;
  // The watch of a list was lost, and begins anew.
  virtual void RestartWatch() {}
  // What `check` found to be degraded or not reporting; both may be empty.
  virtual absl::Status Unwell(const std::vector<v1::Host>& hosts,
                              const std::vector<v1::Service>& services) = 0;
  virtual absl::Status Outcomes(const std::vector<v1::HostOutcome>& outcomes) = 0;
  // The differences of each host.
  virtual absl::Status Differences(const std::vector<v1::HostOutcome>& outcomes) = 0;

  virtual absl::Status Plan(const v1::Plan& plan) = 0;
  virtual absl::Status PlanWithDifferences(const v1::Plan& plan,
                                           const std::vector<PlannedDifference>& differences) = 0;
  virtual absl::Status Deployments(const std::vector<v1::Deployment>& deployments) = 0;
  // One row of a watched list: new, changed, or `removed`.
  virtual absl::Status DeploymentInList(const v1::Deployment& deployment, bool removed) = 0;
  // The initial content of the watched list is complete.
  virtual absl::Status DeploymentListBegun() = 0;
  // All details of a deployment.
  virtual absl::Status Deployment(const v1::Deployment& deployment) = 0;
  // The state after a command, as a sentence.
  virtual absl::Status DeploymentNow(const v1::Deployment& deployment) = 0;
  // The final state, with its hosts.
  virtual absl::Status DeploymentEnd(const v1::Deployment& deployment) = 0;
  // One update of a deployment's watch; only JSON and YAML print it.
  virtual absl::Status DeploymentUpdate(const v1::WatchDeploymentResponse& update) = 0;

  virtual absl::Status Hooks(const std::vector<v1::Hook>& hooks) = 0;
  virtual absl::Status HookTest(const v1::TestHooksResponse& response) = 0;
  virtual absl::Status Locks(const std::vector<v1::HostLock>& locks) = 0;
  virtual absl::Status BrokenLock(const v1::HostLock& lock) = 0;
};

// `out` must outlive the renderer.
std::unique_ptr<FleetRenderer> MakeFleetRenderer(const RenderOptions& options, std::ostream& out);

// For people, for programs (JSON or YAML), and for scripts (one name a line).
std::unique_ptr<FleetRenderer> MakeTextFleetRenderer(const RenderOptions& options,
                                                     std::ostream& out);
std::unique_ptr<FleetRenderer> MakeTreeFleetRenderer(OutputForm form, std::ostream& out);
std::unique_ptr<FleetRenderer> MakeNameFleetRenderer(std::ostream& out);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_FLEET_RENDERER_H_
