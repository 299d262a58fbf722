#ifndef GITOPS_AGENT_METRICS_AGENT_METRICS_H_
#define GITOPS_AGENT_METRICS_AGENT_METRICS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/metrics/metrics.h"

namespace gitops {

// What the agent tells Prometheus: gitopper's series under gitopper's names, and ours.
// Any thread. Must not outlive the Metrics it was made on.
class AgentMetrics {
 public:
  virtual ~AgentMetrics() = default;

  // What a service is at now. Its past series are removed: for a service there is one hash, one
  // state. `state` is as StateName gives it ("OK", "FREEZE"…); hashes may be empty.
  struct Service {
    std::string name;
    std::string hash;
    std::string target_hash;
    std::string state;
    absl::Time changed_at;
  };
  virtual void SetService(const Service& service) = 0;
  // All series of a service that left the configuration.
  virtual void RemoveService(const std::string& name) = 0;

  // One run of git, or one look at an upstream: `op` is one of a few fixed words ("fetch", "tip"…).
  virtual void GitOperation(const std::string& op, bool ok, absl::Duration took) = 0;
  // `upstream` is a URL; it is shown as RedactUrl gives it, since everybody may read metrics.
  virtual void UpstreamAnswered(const std::string& upstream, absl::Time when) = 0;
  // Whether the planner takes this host's reports; never called without a planner.
  virtual void PlannerConnected(bool connected) = 0;
  // No service follows it any more.
  virtual void RemoveUpstream(const std::string& upstream) = 0;
};

std::unique_ptr<AgentMetrics> MakeAgentMetrics(Metrics& metrics);

}  // namespace gitops

#endif  // GITOPS_AGENT_METRICS_AGENT_METRICS_H_
