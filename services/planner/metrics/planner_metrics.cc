#include "services/planner/metrics/planner_metrics.h"

#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

using prometheus::MetricFamily;

constexpr v1::DeploymentState kResults[] = {
    v1::DEPLOYMENT_STATE_SUCCEEDED, v1::DEPLOYMENT_STATE_FAILED, v1::DEPLOYMENT_STATE_CANCELLED,
    v1::DEPLOYMENT_STATE_INTERRUPTED};

std::string ResultName(v1::DeploymentState state) {
  return absl::AsciiStrToLower(
      absl::StripPrefix(v1::DeploymentState_Name(state), "DEPLOYMENT_STATE_"));
}

MetricFamily Gauges(const char* name, const char* help) {
  return {.name = name, .help = help, .type = prometheus::MetricType::Gauge};
}

void AddGauge(MetricFamily& family, const char* label, const std::string& value, double number) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.label.push_back({.name = label, .value = value});
  metric.gauge.value = number;
}

// Computed at each reading: the series of many hosts change all the time.
std::vector<MetricFamily> OfFleet(const Fleet& fleet) {
  MetricFamily seen = Gauges("gitops_agent_last_seen_timestamp_seconds",
                             "When the agent was last heard from, in seconds since 1970.");
  MetricFamily in_force =
      Gauges("gitops_host_config_in_force",
             "1 while the host's configuration file is wholly in force there; 0: it was rejected.");
  MetricFamily differs =
      Gauges("gitops_host_config_differs",
             "1 while the host's configuration gives it something else than the planner's.");
  MetricFamily unhealthy = Gauges("gitops_host_health_failed",
                                  "1: the last deployment of the host failed its health checks, "
                                  "and nobody has acknowledged that.");
  for (const auto& host : fleet.Hosts()) {
    const v1::Host& one = host->host;
    if (one.has_config()) {
      AddGauge(in_force, "host", one.host(), one.config().fault().empty() ? 1 : 0);
      AddGauge(differs, "host", one.host(), one.config_difference().empty() ? 0 : 1);
    }
    if (one.has_failed_health()) AddGauge(unhealthy, "host", one.host(), 1);
    if (!host->host.has_last_seen_time()) continue;
    AddGauge(seen, "host", host->host.host(),
             static_cast<double>(host->host.last_seen_time().seconds()));
  }
  MetricFamily bytes = Gauges("gitops_report_bytes",
                              "Bytes kept of the reports of hosts, by whether the configuration "
                              "has the host.");
  const ReportMemory memory = fleet.memory();
  AddGauge(bytes, "configured", "true", static_cast<double>(memory.known_bytes));
  AddGauge(bytes, "configured", "false", static_cast<double>(memory.unknown_bytes));
  std::vector<MetricFamily> families = {std::move(bytes)};
  for (MetricFamily* family : {&seen, &in_force, &differs, &unhealthy}) {
    if (!family->metric.empty()) families.push_back(std::move(*family));
  }
  return families;
}

}  // namespace

PlannerMetrics::PlannerMetrics(Metrics& metrics)
    : metrics_(metrics),
      ended_(prometheus::BuildCounter()
                 .Name("gitops_deployments_total")
                 .Help("Deployments that ended, by result.")
                 .Register(metrics.registry())),
      // From a no-op over a few hosts to a fleet that reboots wave by wave.
      seconds_(
          prometheus::BuildHistogram()
              .Name("gitops_deployment_duration_seconds")
              .Help("How long deployments took, from beginning to end.")
              .Register(metrics.registry())
              .Add({}, prometheus::Histogram::BucketBoundaries{.1, .5, 1, 5, 15, 60, 300, 900, 1800,
                                                               3600, 4 * 3600, 24 * 3600})),
      hosts_(prometheus::BuildGauge()
                 .Name("gitops_deployment_hosts")
                 .Help("Hosts of all running deployments, by phase.")
                 .Register(metrics.registry())),
      queue_(prometheus::BuildGauge()
                 .Name("gitops_queue_depth")
                 .Help("Work that waits, by queue.")
                 .Register(metrics.registry())
                 .Add({{"queue", "deployments"}})) {
  // Rates need a zero to begin from.
  for (const v1::DeploymentState result : kResults) ended_.Add({{"result", ResultName(result)}});
}

void PlannerMetrics::DeploymentEnded(v1::DeploymentState result, absl::Duration took) {
  if (!absl::c_linear_search(kResults, result)) return;
  ended_.Add({{"result", ResultName(result)}}).Increment();
  seconds_.Observe(absl::ToDoubleSeconds(took));
}

void PlannerMetrics::ShowFleet(const Fleet* fleet) {
  metrics_.AddCollector([fleet] { return OfFleet(*fleet); });
}

void PlannerMetrics::ShowAudits(std::function<int64_t()> faults) {
  metrics_.AddCollector([faults = std::move(faults)] {
    prometheus::MetricFamily family;
    family.name = "gitops_planner_audit_faults";
    family.help =
        "Hosts whose audit is not what they had reported, until somebody acknowledges it.";
    family.type = prometheus::MetricType::Gauge;
    family.metric.emplace_back().gauge.value = static_cast<double>(faults());
    return std::vector{family};
  });
}

}  // namespace gitops
