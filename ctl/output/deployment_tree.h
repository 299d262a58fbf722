#ifndef GITOPS_CTL_OUTPUT_DEPLOYMENT_TREE_H_
#define GITOPS_CTL_OUTPUT_DEPLOYMENT_TREE_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "ctl/output/renderer.h"
#include "gitops/v1/deployment.pb.h"

namespace gitops::ctl {

// A deployment as far as it is known, from the answers of a watch.
struct DeploymentView {
  v1::Deployment deployment;              // without hosts
  std::vector<v1::HostDeployment> hosts;  // in the order of the plan

  std::string note;  // stands below the tree; escaped
  // Where each host stands in `hosts`, by name.
  std::unordered_map<std::string, size_t> index;

  // Adds or replaces.
  void SetHost(const v1::HostDeployment& host);
};

// The tree of waves, hosts, and what each running host is at, as lines without newlines. They fit:
// fewer lines than the terminal has rows, none wider than its columns. What does not fit is told in
// numbers: first waves that have ended or not begun, then hosts that wait or are done.
std::vector<std::string> DeploymentTree(const DeploymentView& view, const TerminalSize& size,
                                        bool color);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DEPLOYMENT_TREE_H_
