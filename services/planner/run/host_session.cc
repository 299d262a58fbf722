#include "services/planner/run/host_session.h"

#include <algorithm>

#include "common/clock/timestamp.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"

namespace gitops {

bool StoreUntilDone(DeploymentRun* run, const std::function<absl::Status()>& write) {
  for (int attempt = 1;; ++attempt) {
    const absl::Status status = write();
    if (status.ok()) {
      if (attempt > 1) run->StoreTrouble(absl::OkStatus());
      return true;
    }
    if (!absl::IsUnavailable(status)) {
      run->StoreFailed(status);
      return false;
    }
    run->StoreTrouble(status);
    if (!run->Pause(kStoreBackoff.After(attempt))) return false;
  }
}

bool HostSession::Save(const v1::StepRecord* step, const std::string& halt) {
  if (!halt.empty()) return run_->Halt(halt, {.index = index_, .host = &entry_, .step = step});
  return StoreUntilDone(run_, [&] {
    return run_->options().store->SaveHost(run_->facts().deployment.id(), index_, entry_, step);
  });
}

void HostSession::End(v1::HostDeploymentState state, const std::string& message) {
  v1::HostDeployment& host = entry_.host;
  host.set_state(state);
  host.set_message(message);
  *host.mutable_end_time() = ToTimestamp(run_->options().clock->Now());
}

bool HostSession::LoadStep(int number, v1::StepRecord& step) {
  const std::string& id = run_->facts().deployment.id();
  step.Clear();
  return StoreUntilDone(run_, [&] {
    absl::StatusOr<v1::StepRecord> stored = run_->options().store->LoadStep(id, index_, number);
    if (stored.ok()) {
      step = *std::move(stored);
    } else if (absl::IsDataLoss(stored.status())) {
      // A retry does not help.
      LogWarning("the record of a step is lost",
                 {{"deployment", id}, {"error", std::string(stored.status().message())}});
    } else if (!absl::IsNotFound(stored.status())) {
      return stored.status();
    }
    return absl::OkStatus();
  });
}

}  // namespace gitops
