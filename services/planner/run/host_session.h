#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/planner/record/deployment_record.h"
#include "services/planner/run/deployments.h"

namespace gitops {

// The deployment that hosts are worked on for, as their workers see it. Any thread.
class RunControl {
 public:
  virtual ~RunControl() = default;

  virtual const DeploymentsOptions& options() const = 0;
  // As it was begun: id, spec, actor, reason, revisions, traceparent. Not its state.
  virtual const DeploymentRecord& facts() const = 0;

  // This process stops, or the deployment has lost its locks: nothing more is to be done on any
  // host, and what waits is to be left.
  virtual bool leaving() const = 0;
  // Hosts are to stop after the step they are in.
  virtual bool stop_after_step() const = 0;
  // OK: the agent answers now, or did a moment ago. Errors as AgentCaller::Status.
  virtual absl::Status Reach(const std::string& address) = 0;
  // Waits that long; false: leaving.
  virtual bool Pause(absl::Duration pause) = 0;

  // Whether the host may still be changed; waits while the store cannot tell.
  struct LockState {
    enum class Kind { kHeld, kBroken, kLeft } kind = Kind::kLeft;
    int64_t fencing = 0;  // kHeld
    std::string why;      // kBroken
  };
  virtual LockState CheckLock(const std::string& host) = 0;

  // Puts an end to the whole deployment because of a hook. True once that is stored, in one write
  // with where it leaves the host; false: leaving.
  virtual bool Halt(const std::string& reason, const DeploymentStore::Checkpoint& host) = 0;
  // What the deployment's message says while something cannot be stored; OK: it can again.
  virtual void StoreTrouble(const absl::Status& status) = 0;
  // The store failed in a way that trying again does not mend: the deployment ends for this reason.
  virtual void StoreFailed(const absl::Status& status) = 0;
};

// Does `write` again while it is UNAVAILABLE. False: leaving, or another error, which ends the
// deployment.
bool StoreUntilDone(RunControl* run, const std::function<absl::Status()>& write);

// One host under way: its entry, and how it is stored. One thread.
class HostSession {
 public:
  HostSession(RunControl* run, int index, HostRecord entry)
      : run_(run), index_(index), entry_(std::move(entry)) {}

  RunControl* run() const { return run_; }
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
  RunControl* const run_;
  const int index_;
  HostRecord entry_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_SESSION_H_
