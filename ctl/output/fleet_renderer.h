#ifndef GITOPS_CTL_OUTPUT_FLEET_RENDERER_H_
#define GITOPS_CTL_OUTPUT_FLEET_RENDERER_H_

#include <memory>
#include <ostream>
#include <vector>

#include "absl/status/status.h"
#include "ctl/output/renderer.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Prints what the planner answers in one of the output forms; otherwise as Renderer.
class FleetRenderer {
 public:
  virtual ~FleetRenderer() = default;

  virtual absl::Status Hosts(const std::vector<v1::Host>& hosts) = 0;
  virtual absl::Status Host(const v1::Host& host) = 0;
  virtual absl::Status Services(const std::vector<v1::Service>& services) = 0;
  // One answer of a watch of which only the hosts, or only the services, are shown.
  virtual absl::Status HostUpdate(const v1::WatchFleetResponse& update) = 0;
  virtual absl::Status ServiceUpdate(const v1::WatchFleetResponse& update) = 0;
  // What `check` found not to be well; both may be empty.
  virtual absl::Status Unwell(const std::vector<v1::Host>& hosts,
                              const std::vector<v1::Service>& services) = 0;
  virtual absl::Status Outcomes(const std::vector<v1::HostOutcome>& outcomes) = 0;
  // Of those that were compared.
  virtual absl::Status Differences(const std::vector<v1::HostOutcome>& outcomes) = 0;

  virtual absl::Status Plan(const v1::Plan& plan) = 0;
  virtual absl::Status Deployments(const std::vector<v1::Deployment>& deployments) = 0;
  // One line of a watched list: it is new, has changed, or is `removed` from it.
  virtual absl::Status DeploymentInList(const v1::Deployment& deployment, bool removed) = 0;
  // What is in the list at first has been told.
  virtual absl::Status DeploymentListBegun() = 0;
  // All that is known of it.
  virtual absl::Status Deployment(const v1::Deployment& deployment) = 0;
  // What a command made of it: a sentence.
  virtual absl::Status DeploymentNow(const v1::Deployment& deployment) = 0;
  // How it ended, with its hosts.
  virtual absl::Status DeploymentEnd(const v1::Deployment& deployment) = 0;
  // One answer of its watch; printed by the forms for programs only.
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
