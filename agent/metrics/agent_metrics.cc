#include "agent/metrics/agent_metrics.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/git/url.h"

namespace gitops {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;

Family<Gauge>& GaugesOf(Metrics& metrics, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(metrics.registry());
}

Counter& OneCounter(Metrics& metrics, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(metrics.registry()).Add({});
}

// gitopper's numbers: the order in which it declares its states. -1: an unknown state.
int StateNumber(absl::string_view state) {
  constexpr absl::string_view kStates[] = {"OK", "FREEZE", "ROLLBACK", "BROKEN", "DIFF"};
  const auto* found = std::find(std::begin(kStates), std::end(kStates), state);
  return found == std::end(kStates) ? -1 : static_cast<int>(found - std::begin(kStates));
}

// Changes have whole seconds, which are exact in a double; 0: never.
double UnixSeconds(absl::Time time) {
  return time <= absl::UnixEpoch() ? 0 : static_cast<double>(absl::ToUnixSeconds(time));
}

}  // namespace

void AgentMetrics::MovingGauge::Set(const Labels& labels, double value) {
  if (gauge_ == nullptr || labels != labels_) {
    // In this order, a concurrent scrape has no series rather than two contradictory ones.
    Remove();
    gauge_ = &family_->Add(labels);
    labels_ = labels;
  }
  gauge_->Set(value);
}

void AgentMetrics::MovingGauge::Remove() {
  if (gauge_ != nullptr) family_->Remove(std::exchange(gauge_, nullptr));
}

AgentMetrics::AgentMetrics(Metrics& metrics)
    : metrics_(metrics),
      gitopper_info_(GaugesOf(metrics, "gitopper_service_info",
                              "Always 1; the labels are the service's hash and state.")),
      gitopper_state_(GaugesOf(metrics, "gitopper_service_state",
                               "State: 0 OK, 1 FREEZE, 2 ROLLBACK, 3 BROKEN, 4 DIFF.")),
      gitopper_change_(GaugesOf(metrics, "gitopper_service_change_time_seconds",
                                "Time of the service's last change, in seconds since 1970.")),
      info_(GaugesOf(metrics, "gitops_service_info",
                     "Always 1; the labels are the service's hash, target and state.")),
      change_(GaugesOf(metrics, "gitops_service_last_change_timestamp_seconds",
                       "Time of the service's last change, in seconds since 1970.")),
      answered_(GaugesOf(metrics, "gitops_git_last_success_timestamp_seconds",
                         "Time of the upstream's last answer, in seconds since 1970.")),
      config_in_force_(GaugesOf(metrics, "gitops_config_in_force",
                                "1 while the config file is wholly in force, else 0.")
                           .Add({})),
      git_seconds_(prometheus::BuildHistogram()
                       .Name("gitops_git_operation_duration_seconds")
                       .Help("Duration of git operations.")
                       .Register(metrics.registry())),
      git_ops_(OneCounter(metrics, "gitopper_machine_git_ops_total", "Git operations.")),
      git_error_(
          OneCounter(metrics, "gitopper_machine_git_error_total", "Git operations that failed.")),
      git_errors_(
          OneCounter(metrics, "gitopper_machine_git_errors_total",
                     "The same as gitopper_machine_git_error_total, under its later name.")) {}

void AgentMetrics::SetService(const Service& service) {
  MutexLock lock(mutex_);
  ServiceSeries& series =
      services_
          .try_emplace(service.name,
                       ServiceSeries{MovingGauge(gitopper_info_), MovingGauge(gitopper_state_),
                                     MovingGauge(gitopper_change_), MovingGauge(info_),
                                     MovingGauge(change_)})
          .first->second;
  const Labels name = {{"service", service.name}};
  const double changed = UnixSeconds(service.changed_at);
  series.gitopper_info.Set(
      {{"service", service.name}, {"hash", service.hash}, {"state", service.state}}, 1);
  series.gitopper_state.Set(name, StateNumber(service.state));
  series.gitopper_change.Set(name, changed);
  series.info.Set({{"service", service.name},
                   {"hash", service.hash},
                   {"target_hash", service.target_hash},
                   {"state", service.state}},
                  1);
  series.change.Set(name, changed);
}

void AgentMetrics::RemoveService(const std::string& name) {
  MutexLock lock(mutex_);
  const auto found = services_.find(name);
  if (found == services_.end()) return;
  ServiceSeries& series = found->second;
  for (MovingGauge* gauge : {&series.gitopper_info, &series.gitopper_state, &series.gitopper_change,
                             &series.info, &series.change}) {
    gauge->Remove();
  }
  services_.erase(found);
}

void AgentMetrics::GitOperation(const std::string& op, bool ok, absl::Duration took) {
  git_ops_.Increment();
  if (!ok) {
    git_error_.Increment();
    git_errors_.Increment();
  }
  // From a poll over loopback to a first clone over a slow line.
  git_seconds_
      .Add({{"op", op}, {"result", ok ? "ok" : "error"}},
           Histogram::BucketBoundaries{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60,
                                       300})
      .Observe(absl::ToDoubleSeconds(took));
}

void AgentMetrics::UpstreamAnswered(const std::string& upstream, absl::Time when) {
  MutexLock lock(mutex_);
  const std::string shown = RedactUrl(upstream);
  upstreams_.try_emplace(shown, MovingGauge(answered_))
      .first->second.Set({{"upstream", shown}}, UnixSeconds(when));
}

void AgentMetrics::PlannerConnected(bool connected) {
  MutexLock lock(mutex_);
  if (planner_ == nullptr) {
    planner_ = &GaugesOf(metrics_, "gitops_planner_connected",
                         "1 while the planner accepts this host's reports, else 0.")
                    .Add({});
  }
  planner_->Set(connected ? 1 : 0);
}

void AgentMetrics::ConfigInForce(bool whole) { config_in_force_.Set(whole ? 1 : 0); }

void AgentMetrics::RemoveUpstream(const std::string& upstream) {
  MutexLock lock(mutex_);
  const auto found = upstreams_.find(RedactUrl(upstream));
  if (found == upstreams_.end()) return;
  found->second.Remove();
  upstreams_.erase(found);
}

}  // namespace gitops
