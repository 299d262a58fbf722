// The last part of a pass of a ServiceController: whether what is published is as it should be.
#include <utility>

#include "agent/controller/drift_schedule.h"
#include "agent/controller/service_controller.h"
#include "agent/controller/service_work.h"
#include "common/log/log.h"

namespace gitops {

void ServiceController::Inspect() {
  const absl::Time now = options_.clock->Now();
  if (now < next_inspection_ || pass_->stop.stop_requested()) return EndPass();
  if (record_.published.empty() || !record_.pending.empty()) {
    next_inspection_ = NextScan(now, absl::ZeroDuration(), options_.poll);
    return EndPass();
  }
  pass_->began = now;
  UseFiles<absl::StatusOr<std::vector<DriftEntry>>>(
      Pool::kDisk, pass_->stop,
      [this, published = record_.published](std::stop_token stop) {
        return drivers_.publisher->Drift(published, /*with_untracked=*/false, stop);
      },
      [this](absl::StatusOr<std::vector<DriftEntry>>& entries) { Inspected(entries); });
}

void ServiceController::Inspected(const absl::StatusOr<std::vector<DriftEntry>>& entries) {
  if (pass_->stop.stop_requested()) return EndPass();
  const absl::Duration took = options_.clock->Now() - pass_->began;
  next_inspection_ = NextScan(pass_->began, took, options_.poll);
  if (!entries.ok()) {
    LogWarning("cannot check for drift",
               {{"service", spec().service}, {"error", std::string(entries.status().message())}});
  }
  const auto found = drift_scans_.Judge(entries);
  if (!found.has_value() || (found->drift.empty() && record_.drift.empty())) return CheckHealth();
  const std::string& drift = found->drift;
  // After a freeze has answered, nothing is exchanged.
  const bool correct = found->correct && spec().drift != DriftPolicy::kReport && !record_.frozen;
  if (correct) LogInfo("correcting drift", {{"service", spec().service}, {"drift", drift}});
  Make({.make = [drift](ServiceRecord record) { return OnDrift(std::move(record), drift); },
        .why = {.reason = drift.empty() ? "there is no drift any more" : drift},
        .then =
            [this, correct](const absl::Status&) {
              if (!correct) return CheckHealth();
              pass_->afresh = true;
              BeginMove({Step::Kind::kPublish, record_.published, record_.hash}, /*first=*/false);
            }});
}

void ServiceController::CheckHealth() {
  if (pass_->stop.stop_requested()) return EndPass();
  UseUnit(
      Pool::kChecks, [this] { return drivers_.activator->CheckHealth(); },
      [this](absl::Status& health) {
        const std::string error(health.message());
        if (absl::IsUnavailable(health) || absl::IsCancelled(health) || record_.frozen ||
            error == record_.activation_error) {
          return EndPass();
        }
        Make({.make = [=](ServiceRecord record) { return OnHealth(std::move(record), error); },
              .why = {.reason = error.empty() ? "the unit is healthy again" : error},
              .then =
                  [this](const absl::Status&) {
                    if (!record_.activation_error.empty() && record_.failed.empty()) {
                      NoteOutcome(Desired(), false);
                    }
                    EndPass();
                  }});
      });
}

}  // namespace gitops
