#include "services/planner/metrics/planner_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <utility>
#include <vector>

#include "services/planner/damage/damage.h"

namespace gitops {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// The label of a result; null: the deployment has not ended.
const char* ResultName(v1::DeploymentState state) {
  switch (state) {
    case v1::DEPLOYMENT_STATE_SUCCEEDED:
      return "succeeded";
    case v1::DEPLOYMENT_STATE_FAILED:
      return "failed";
    case v1::DEPLOYMENT_STATE_CANCELLED:
      return "cancelled";
    case v1::DEPLOYMENT_STATE_INTERRUPTED:
      return "interrupted";
    default:
      return nullptr;
  }
}

// Computed at each reading: the series of many hosts change all the time.
std::vector<prometheus::MetricFamily> OfFleet(const Fleet& fleet) {
  prometheus::MetricFamily family{.name = "gitops_agent_last_seen_timestamp_seconds",
                                  .help =
                                      "When the agent said something last, in seconds since "
                                      "1970.",
                                  .type = prometheus::MetricType::Gauge};
  for (const auto& host : fleet.Hosts()) {
    if (!host->host.has_last_seen_time()) continue;
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({.name = "host", .value = host->host.host()});
    metric.gauge.value = static_cast<double>(host->host.last_seen_time().seconds());
  }
  prometheus::MetricFamily bytes{.name = "gitops_report_bytes",
                                 .help =
                                     "What is kept of the reports of hosts that the configuration "
                                     "has, and of others.",
                                 .type = prometheus::MetricType::Gauge};
  const ReportMemory memory = fleet.memory();
  for (const auto& [configured, kept] :
       {std::pair("true", memory.known_bytes), std::pair("false", memory.unknown_bytes)}) {
    prometheus::ClientMetric& metric = bytes.metric.emplace_back();
    metric.label.push_back({.name = "configured", .value = configured});
    metric.gauge.value = static_cast<double>(kept);
  }
  if (family.metric.empty()) return {std::move(bytes)};
  return {std::move(family), std::move(bytes)};
}

std::vector<prometheus::MetricFamily> Damaged(Store& store) {
  prometheus::MetricFamily family{.name = "gitops_store_damaged_records",
                                  .help = "Damaged records that were found in the store, by kind.",
                                  .type = prometheus::MetricType::Gauge};
  for (const auto& [kind, count] : CountDamaged(store)) {
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    metric.label.push_back({.name = "kind", .value = kind});
    metric.gauge.value = count;
  }
  if (family.metric.empty()) return {};
  return {std::move(family)};
}

class PlannerMetricsImpl final : public PlannerMetrics {
 public:
  explicit PlannerMetricsImpl(Metrics& metrics)
      : metrics_(metrics),
        ended_(prometheus::BuildCounter()
                   .Name("gitops_deployments_total")
                   .Help("Deployments that ended, by result.")
                   .Register(metrics.registry())),
        // From a no-op over a few hosts to a fleet that reboots wave by wave.
        seconds_(prometheus::BuildHistogram()
                     .Name("gitops_deployment_duration_seconds")
                     .Help("How long deployments took, from their begin to their end.")
                     .Register(metrics.registry())
                     .Add({}, Histogram::BucketBoundaries{.1, .5, 1, 5, 15, 60, 300, 900, 1800,
                                                          3600, 4 * 3600, 24 * 3600})),
        hosts_(prometheus::BuildGauge()
                   .Name("gitops_deployment_hosts")
                   .Help("Hosts of all running deployments, by phase.")
                   .Register(metrics.registry())),
        queue_(prometheus::BuildGauge()
                   .Name("gitops_queue_depth")
                   .Help("What waits to be done, by queue.")
                   .Register(metrics.registry())
                   .Add({{"queue", "deployments"}})) {
    // Rates need a zero to begin from.
    for (const char* result : {"succeeded", "failed", "cancelled", "interrupted"}) {
      ended_.Add({{"result", result}});
    }
  }

  void DeploymentEnded(v1::DeploymentState result, absl::Duration took) override {
    const char* name = ResultName(result);
    if (name == nullptr) return;
    ended_.Add({{"result", name}}).Increment();
    seconds_.Observe(absl::ToDoubleSeconds(took));
  }
  void HostsInPhase(const std::string& phase, int hosts) override {
    hosts_.Add({{"phase", phase}}).Set(hosts);
  }
  void Queued(int deployments) override { queue_.Set(deployments); }
  void ShowFleet(const Fleet* fleet) override {
    metrics_.AddCollector([fleet] { return OfFleet(*fleet); });
  }
  void ShowDamaged(Store* store) override {
    metrics_.AddCollector([store] { return Damaged(*store); });
  }

 private:
  Metrics& metrics_;
  Family<Counter>& ended_;
  Histogram& seconds_;
  Family<Gauge>& hosts_;
  Gauge& queue_;
};

}  // namespace

std::unique_ptr<PlannerMetrics> MakePlannerMetrics(Metrics& metrics) {
  return std::make_unique<PlannerMetricsImpl>(metrics);
}

}  // namespace gitops
