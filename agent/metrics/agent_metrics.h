#ifndef GITOPS_AGENT_METRICS_AGENT_METRICS_H_
#define GITOPS_AGENT_METRICS_AGENT_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "common/metrics/metrics.h"
#include "common/sync/mutex.h"

namespace gitops {

// The agent's metrics: gitopper's series under their names, and ours. Thread-safe. Must not outlive
// its Metrics.
class AgentMetrics {
 public:
  explicit AgentMetrics(Metrics& metrics);

  // The current state of a service. Series with old values are removed: a service has one hash and
  // one state. `state` is from StateName ("OK", "FREEZE"…); hashes may be empty.
  struct Service {
    std::string name;
    std::string hash;
    std::string target_hash;
    std::string state;
    absl::Time changed_at;
  };
  void SetService(const Service& service);
  // Removes all series of a service that was removed from the configuration.
  void RemoveService(const std::string& name);

  // One run of git, or one poll of an upstream: `op` is one of a few fixed words ("fetch", "tip"…).
  void GitOperation(const std::string& op, bool ok, absl::Duration took);
  // `upstream` is a URL; the label is RedactUrl(upstream), since metrics are public.
  void UpstreamAnswered(const std::string& upstream, absl::Time when);
  // Whether the planner accepts this host's reports; never called without a planner.
  void PlannerConnected(bool connected);
  // Whether the config file is wholly in force.
  void ConfigInForce(bool whole);
  // Removes the series of an upstream that no service follows any more.
  void RemoveUpstream(const std::string& upstream);

 private:
  using Gauge = prometheus::Gauge;
  using Gauges = prometheus::Family<Gauge>;
  using Counter = prometheus::Counter;

  // One gauge whose labels change: at most one series exists.
  class MovingGauge {
   public:
    explicit MovingGauge(Gauges& family) : family_(&family) {}
    void Set(const prometheus::Labels& labels, double value);
    void Remove();

   private:
    Gauges* family_;
    Gauge* gauge_ = nullptr;
    prometheus::Labels labels_;
  };
  struct ServiceSeries {
    MovingGauge gitopper_info, gitopper_state, gitopper_change, info, change;
  };

  Metrics& metrics_;
  Gauges& gitopper_info_;
  Gauges& gitopper_state_;
  Gauges& gitopper_change_;
  Gauges& info_;
  Gauges& change_;
  Gauges& answered_;
  Gauge& config_in_force_;
  prometheus::Family<prometheus::Histogram>& git_seconds_;
  Counter& git_ops_;
  Counter& git_error_;
  Counter& git_errors_;
  Mutex mutex_;
  std::map<std::string, ServiceSeries> services_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, MovingGauge> upstreams_ ABSL_GUARDED_BY(mutex_);
  Gauge* planner_ ABSL_GUARDED_BY(mutex_) = nullptr;  // null: not created yet
};

}  // namespace gitops

#endif  // GITOPS_AGENT_METRICS_AGENT_METRICS_H_
