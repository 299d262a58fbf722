#ifndef GITOPS_CTL_OUTPUT_PROGRESS_H_
#define GITOPS_CTL_OUTPUT_PROGRESS_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "ctl/output/renderer.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Shows a deployment while it goes on. One thread calls it.
class DeploymentProgress {
 public:
  // Shows the last state before it returns.
  virtual ~DeploymentProgress() = default;
  virtual void Update(const v1::WatchDeploymentResponse& update) = 0;
  // Something to know besides; `text` is escaped.
  virtual void Note(const std::string& text) = 0;
};

// The tree, redrawn in place at most some times a second, however many changes come.
std::unique_ptr<DeploymentProgress> MakeLiveTree(std::function<TerminalSize()> size, bool color,
                                                 std::ostream& out);
// One line for each thing that happens; notes go to `notes`.
std::unique_ptr<DeploymentProgress> MakeProgressLines(std::ostream& out, std::ostream& notes);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_PROGRESS_H_
