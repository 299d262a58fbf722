#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "services/planner/record/deployment_record.h"
#include "services/planner/run/deployment_run.h"

namespace gitops {

// Does `write` again while it is UNAVAILABLE. False: leaving, or another error, which ends the
// deployment.
bool StoreUntilDone(DeploymentRun* run, const std::function<absl::Status()>& write);

// One host under way: its entry, and how it is stored. One thread.
class HostSession {
 public:
  HostSession(DeploymentRun* run, int index, HostRecord entry)
      : run_(run), index_(index), entry_(std::move(entry)) {}

  DeploymentRun* run() const { return run_; }
  HostRecord& entry() { return entry_; }
  const std::string& host() const { return entry_.host.host(); }

  // Stores the entry with `step` (may be null), waiting while that fails. Where `halt` is not
  // empty, that also ends the whole deployment. False: leaving.
  bool Save(const v1::StepRecord* step, const std::string& halt = "");
  // Sets the state in which it ends, and says why.
  void End(v1::HostDeploymentState state, const std::string& message);
  // What the store has of step `number` (empty: nothing), waiting while it cannot be read. False:
  // leaving.
  bool LoadStep(int number, v1::StepRecord& step);

 private:
  DeploymentRun* const run_;
  const int index_;
  HostRecord entry_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_
