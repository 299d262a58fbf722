#ifndef GITOPS_AGENT_METRICS_AGENT_METRICS_H_
#define GITOPS_AGENT_METRICS_AGENT_METRICS_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/metrics/metrics.h"

namespace gitops {

// The agent's metrics: gitopper's series under their names, and ours. Thread-safe. Must not outlive
// its Metrics.
class AgentMetrics {
 public:
  virtual ~AgentMetrics() = default;

  // The current state of a service. Series with old values are removed: a service has one hash and
  // one state. `state` is from StateName ("OK", "FREEZE"…); hashes may be empty.
  struct Service {
    std::string name;
    std::string hash;
    std::string target_hash;
    std::string state;
    absl::Time changed_at;
  };
  virtual void SetService(const Service& service) = 0;
  // Removes all series of a service that was removed from the configuration.
  virtual void RemoveService(const std::string& name) = 0;

  // One run of git, or one poll of an upstream: `op` is one of a few fixed words ("fetch", "tip"…).
  virtual void GitOperation(const std::string& op, bool ok, absl::Duration took) = 0;
  // `upstream` is a URL; the label is RedactUrl(upstream), since metrics are public.
  virtual void UpstreamAnswered(const std::string& upstream, absl::Time when) = 0;
  // Whether the planner accepts this host's reports; never called without a planner.
  virtual void PlannerConnected(bool connected) = 0;
  // Whether the config file is wholly in force.
  virtual void ConfigInForce(bool whole) = 0;
  // Removes the series of an upstream that no service follows any more.
  virtual void RemoveUpstream(const std::string& upstream) = 0;
};

std::unique_ptr<AgentMetrics> MakeAgentMetrics(Metrics& metrics);

}  // namespace gitops

#endif  // GITOPS_AGENT_METRICS_AGENT_METRICS_H_
