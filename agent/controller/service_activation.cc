// The second half of a move of a ServiceController: the activation of what is published, and the
// way back if it fails.
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/controller/service_controller.h"
#include "agent/controller/service_work.h"
#include "common/crash/crash_point.h"
#include "common/rpc/error.h"

namespace gitops {

void ServiceController::Activate() {
  // After a crash between exchange and store, the record does not have the published revision yet.
  if (record_.published != pass_->step.revision) {
    Make({.make = [step = pass_->step](
                      ServiceRecord record) { return OnPublished(std::move(record), step); },
          .storing = Change::Storing::kMemory});
  }
  CrashPoint("before-activate");
  UseUnit(
      Pool::kUnits,
      [this, first = pass_->first] {
        absl::Status status = drivers_.activator->Activate(first);
        CrashPoint("after-activate");
        return status;
      },
      [this](absl::Status& status) { Activated(status); });
}

void ServiceController::Activated(const absl::Status& status) {
  if (absl::IsCancelled(status)) return EndMove(false, false);  // pending: done after restart
  Why why = WhyMoved(pass_->reason);
  const auto described = [this, commit = pass_->commit](ServiceRecord record) {
    moving_ = false;
    return OnCommit(std::move(record), commit);
  };
  if (status.ok()) {
    return Make(
        {.make = [described](
                     ServiceRecord record) { return OnActivated(described(std::move(record))); },
         .why = why,
         .then =
             [this](const absl::Status&) {
               CrashPoint("after-activated-stored");
               established_ = true;
               pass_->made = true;
               EndMove(true, true);
             }});
  }
  why = {.reason = std::string(status.message()), .duration = why.duration};
  Make({.make =
            [described, error = why.reason](ServiceRecord record) {
              return OnActivationFailed(described(std::move(record)), error);
            },
        .why = why,
        .then = [this](const absl::Status&) { FallBack(); }});
}

void ServiceController::FallBack() {
  const std::string fallback = FallbackRevision(record_, policy_);
  // A command since the failure takes precedence.
  if (fallback.empty() || pass_->stop.stop_requested()) return EndMove(true, false);
  CrashPoint("before-fallback");
  UseFiles<absl::Status>(
      pass_->ready.contains(fallback) ? Pool::kDisk : Pool::kGit, pass_->stop,
      [this, fallback, pass = pass_, published = record_.published](std::stop_token stop) {
        const absl::StatusOr<bool> edited = WasEdited(fallback, published, pass->ready, stop);
        return edited.ok() ? drivers_.source->Prepare(fallback, *edited, stop) : edited.status();
      },
      [this, fallback](absl::Status& status) {
        if (pass_->stop.stop_requested()) return EndMove(false, false);
        if (status.ok()) return Exchange(fallback, /*fallback=*/true);
        SourceFailed(WithMessage(
            status, absl::StrCat("cannot return to ", fallback, ": ", status.message())));
      });
}

void ServiceController::FellBack(const std::string& fallback, const absl::Status& status) {
  if (absl::IsCancelled(status)) return EndMove(false, false);  // pending: done after restart
  const std::string error(status.message());
  Make({.make =
            [=, commit = pass_->commit](ServiceRecord record) {
              return OnCommit(OnFellBack(std::move(record), fallback, error), commit);
            },
        .why = {.reason =
                    absl::StrCat("returned to the last good revision; ", record_.activation_error),
                .duration = options_.clock->Now() - pass_->began},
        .then =
            [this](const absl::Status&) {
              pass_->made = true;
              EndMove(true, false);
            }});
}

}  // namespace gitops
