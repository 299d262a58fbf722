#ifndef GITOPS_CTL_OUTPUT_DEPLOYMENT_TREE_H_
#define GITOPS_CTL_OUTPUT_DEPLOYMENT_TREE_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "ctl/output/renderer.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops::ctl {

// The current view of a deployment, from the updates of a watch.
struct DeploymentView {
  v1::Deployment deployment;              // without hosts
  std::vector<v1::HostDeployment> hosts;  // in the order of the plan

  std::string note;  // printed below the tree; escaped
  // The index of each host in `hosts`, by name.
  std::unordered_map<std::string, size_t> index;

  // Adds or replaces.
  void SetHost(const v1::HostDeployment& host);
};

// The tree of waves, hosts and the current step of each running host, as lines without newlines.
// Several hosts of a wave that are done are one line. The lines fit the terminal: fewer than its
// rows, none wider than its columns. The rest is shown as counts: first waves that have ended or
// not started, then hosts that are pending or done. Times are shown as elapsed at `now`.
std::vector<std::string> DeploymentTree(const DeploymentView& view, const TerminalSize& size,
                                        bool color, absl::Time now);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DEPLOYMENT_TREE_H_
