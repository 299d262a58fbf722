#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "services/planner/record/deployment_record.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {

// Repeats `write` while it is UNAVAILABLE. False: leaving, or another error, which ends the
// deployment.
bool StoreUntilDone(DeploymentRun* run, const std::function<absl::Status()>& write);

// One host in progress: its entry, and how it is stored. One thread.
class HostSession {
 public:
  HostSession(DeploymentRun* run, int index, HostRecord entry)
      : run_(run), index_(index), entry_(std::move(entry)) {}

  DeploymentRun* run() const { return run_; }
  HostRecord& entry() { return entry_; }
  const std::string& host() const { return entry_.host.host(); }

  // Stores the entry with `step` (may be null), and retries if that fails. If `halt` is not empty,
  // also ends the whole deployment. False: leaving.
  bool Save(const v1::StepRecord* step, const std::string& halt = "");
  // Sets its final state, and why.
  void End(v1::HostDeploymentState state, const std::string& message);
  // Loads step `number` (empty: it is not stored), and retries if that fails. False: leaving.
  bool LoadStep(int number, v1::StepRecord& step);

 private:
  DeploymentRun* const run_;
  const int index_;
  HostRecord entry_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_
