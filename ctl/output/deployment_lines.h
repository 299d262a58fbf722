#ifndef GITOPS_CTL_OUTPUT_DEPLOYMENT_LINES_H_
#define GITOPS_CTL_OUTPUT_DEPLOYMENT_LINES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "gitops/v1/planner.pb.h"

namespace gitops::ctl {

// Prints the progress of a deployment as plain lines. What a restarted watch repeats is printed
// only once.
class DeploymentLines {
 public:
  // The news of this update, as lines without newlines.
  std::vector<std::string> Update(const v1::WatchDeploymentResponse& update);

 private:
  struct Step {
    int calls = 0;
    int begun_actions = 0;
    int ended_actions = 0;
    bool ended = false;
  };
  struct Host {
    int wave = 0;
    v1::HostDeploymentState state = v1::HOST_DEPLOYMENT_STATE_PENDING;
    std::map<int, Step> steps;  // by number
  };

  void TellDeployment(const v1::Deployment& deployment, std::vector<std::string>& lines);
  // Returns whether the host has ended.
  bool TellHost(const v1::HostDeployment& host, std::vector<std::string>& lines);
  void Count(Host& host, v1::HostDeploymentState state);
  void TellStep(const std::string& host, const v1::StepRecord& step, Step& told,
                std::vector<std::string>& lines);
  void TellWaves(std::vector<std::string>& lines);

  bool initial_done_ = false;
  v1::DeploymentState state_ = v1::DEPLOYMENT_STATE_UNSPECIFIED;
  std::string message_;
  int events_ = 0;
  std::map<std::string, Host> hosts_;
  // Counted as hosts change, since a large deployment has as many ends as hosts.
  size_t ended_ = 0;
  std::map<int, int> open_;  // hosts that have not ended, by wave
  std::set<int> ended_waves_;
  std::set<int> told_waves_;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DEPLOYMENT_LINES_H_
