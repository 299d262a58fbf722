#ifndef GITOPS_CTL_OUTPUT_PROGRESS_H_
#define GITOPS_CTL_OUTPUT_PROGRESS_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "ctl/output/renderer.h"
#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Shows the progress of a deployment. Not thread-safe.
class DeploymentProgress {
 public:
  // Draws the last state.
  virtual ~DeploymentProgress() = default;
  virtual void Update(const v1::WatchDeploymentResponse& update) = 0;
  // Prints a message; `text` is escaped.
  virtual void Note(const std::string& text) = 0;
};

// The tree, redrawn in place at most a few times per second.
std::unique_ptr<DeploymentProgress> MakeLiveTree(std::function<TerminalSize()> size, bool color,
                                                 std::ostream& out);
// One line for each event, with the time (RFC 3339, UTC) in front; messages go to `notes`.
std::unique_ptr<DeploymentProgress> MakeProgressLines(std::ostream& out, std::ostream& notes);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_PROGRESS_H_
