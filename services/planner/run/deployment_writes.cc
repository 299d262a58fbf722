#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {

absl::Status DeploymentRun::Change(const std::function<void(Entry&)>& change,
                                   const DeploymentStore::Checkpoint* host) {
  MutexLock store(store_mutex_);
  Entry changed;
  bool dirty = false;
  {
    MutexLock lock(mutex_);
    // It may have been resumed since, and the record may belong to another run.
    if (HasEnded(entry_.deployment.state())) {
      return MakeError(Reason::kDeploymentEnded, absl::StrCat("deployment ", id(), " has ended"),
                       {{"deployment", id()}});
    }
    changed = entry_;
    dirty = std::exchange(dirty_, false);
  }
  change(changed);
  const absl::Status status = options().store->Save(changed, host);
  MutexLock lock(mutex_);
  if (!status.ok()) {
    dirty_ = dirty_ || dirty;
    return status;
  }
  change(entry_);
  // At once, so that no step begins before the next decision.
  if (IsStopped()) stop_after_step_ = true;
  if (entry_.state.cancel_requested()) cancelled_ = true;
  woken_ = true;
  changed_.NotifyAll();
  return absl::OkStatus();
}

bool DeploymentRun::ChangeUntilStored(const std::function<void(Entry&)>& change,
                                      const DeploymentStore::Checkpoint* host) {
  return StoreUntilDone([&] { return Change(change, host); });
}

bool DeploymentRun::StoreUntilDone(const std::function<absl::Status()>& write) {
  for (int attempt = 1;; ++attempt) {
    const absl::Status status = write();
    if (status.ok()) {
      if (attempt > 1) StoreTrouble(absl::OkStatus());
      return true;
    }
    if (!absl::IsUnavailable(status)) {
      StoreFailed(status);
      return false;
    }
    StoreTrouble(status);
    if (!Pause(kStoreBackoff.After(attempt))) return false;
  }
}

bool DeploymentRun::StoreHost(int index, const HostRecord& host, const v1::StepRecord* step,
                              const std::string& halt) {
  if (halt.empty()) {
    return StoreUntilDone([&] { return options().store->SaveHost(id(), index, host, step); });
  }
  const DeploymentStore::Checkpoint checkpoint{.index = index, .host = &host, .step = step};
  const auto change = [&](Entry& entry) {
    if (!entry.state.halt_reason().empty()) return;
    entry.state.set_halt_reason(halt);
    AddEvent(entry, Now(), absl::StrCat("a hook stopped it: ", halt));
  };
  return ChangeUntilStored(change, &checkpoint);
}

bool DeploymentRun::MarkHealth(const std::string& host,
                               const std::optional<v1::FailedHealth>& failed) {
  return StoreUntilDone([&] {
    const absl::Status marked = options().fleet->MarkHealth(host, failed).status();
    // A host that has left the fleet has no mark.
    return absl::IsNotFound(marked) ? absl::OkStatus() : marked;
  });
}

bool DeploymentRun::LoadStep(int index, int number, v1::StepRecord& step) {
  step.Clear();
  return StoreUntilDone([&] {
    absl::StatusOr<v1::StepRecord> stored = options().store->LoadStep(id(), index, number);
    if (stored.ok()) {
      step = *std::move(stored);
    } else if (absl::IsDataLoss(stored.status())) {
      // A retry does not help.
      LogWarning("the record of a step is lost",
                 {{"deployment", id()}, {"error", std::string(stored.status().message())}});
    } else if (!absl::IsNotFound(stored.status())) {
      return stored.status();
    }
    return absl::OkStatus();
  });
}

void DeploymentRun::StoreTrouble(const absl::Status& status) {
  MutexLock lock(mutex_);
  if (!status.ok() && trouble_.empty()) {
    LogWarning("a deployment waits until its state can be stored",
               {{"deployment", id()}, {"error", std::string(status.message())}});
  }
  trouble_ = status.ok()
                 ? ""
                 : absl::StrCat("waits, because the planner cannot store: ", status.message());
  woken_ = true;
  changed_.NotifyAll();
}

void DeploymentRun::StoreFailed(const absl::Status& status) {
  LogError("the state of a deployment cannot be stored; it ends",
           {{"deployment", id()}, {"error", std::string(status.message())}});
  Leave(v1::DEPLOYMENT_STATE_FAILED,
        absl::StrCat("its state cannot be stored: ", status.message()));
}

}  // namespace gitops
