#ifndef GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENT_RUN_H_
#define GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENT_RUN_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/sync/mutex.h"
#include "services/planner/run/deployment_tally.h"
#include "services/planner/run/deployments.h"
#include "services/planner/run/host_probes.h"
#include "services/planner/run/worker_pool.h"
#include "services/planner/wave/waves.h"

namespace gitops {

void AddEvent(DeploymentRecord& entry, absl::Time now, const std::string& message,
              const Actor& actor = {});

// Sets the final state of a host, and why.
void EndHost(HostRecord& host, v1::HostDeploymentState state, const std::string& message,
             absl::Time now);

// Runs one deployment: takes locks, begins hosts as waves.h decides, and stores its state before it
// acts on it. Call Run() once, in a thread of its own; the other methods from any thread.
class DeploymentRun {
 public:
  struct Parts {
    const DeploymentsOptions* options;  // not owned
    WorkerPool* workers;                // not owned
    RunningChecks* checks;              // not owned
    // Called with the number of hosts in each phase whenever that changes; all 0 at the end.
    std::function<void(const PhaseCounts&)> counted;
  };
  // `locks` may be null; then Run() takes them. Hosts that are running in `hosts` were begun by an
  // earlier process, and continue.
  DeploymentRun(Parts parts, DeploymentRecord entry, std::vector<HostRecord> hosts,
                std::unique_ptr<HeldLocks> locks);
  // Without the locks, no callback about lost ones comes any more.
  ~DeploymentRun() { locks_.reset(); }

  // Runs it to its end, or until Stop().
  void Run();
  void Stop();

  // FAILED_PRECONDITION: it has ended.
  absl::StatusOr<v1::Deployment> Cancel(const Actor& actor, const std::string& reason);
  absl::Status AddNote(const std::string& message, const Actor& actor);
  // Its end is stored, so it no longer changes its record.
  bool ended() {
    MutexLock lock(mutex_);
    return HasEnded(entry_.deployment.state());
  }
  // What cannot be stored, and so cannot be read in the record; empty: nothing.
  std::string trouble() {
    MutexLock lock(mutex_);
    return trouble_;
  }

  // For the workers of its hosts.

  const DeploymentsOptions& options() const { return *parts_.options; }
  // As it was begun: id, spec, actor, reason, revisions, traceparent. Not its state.
  const DeploymentRecord& facts() const { return facts_; }

  // This process stops, or the deployment has lost its locks: no host may be changed any more, and
  // what waits gives up.
  bool leaving() const { return stopping_ || lost_; }
  // Hosts stop after the step that they are in.
  bool stop_after_step() const { return stop_after_step_; }
  // Somebody cancelled it: what can be repeated later, as health checks, ends at once.
  bool cancelled() const { return cancelled_; }
  RunningChecks& checks() const { return *parts_.checks; }
  // As Fleet::MarkHealth; retries if it cannot be stored. False: leaving.
  bool MarkHealth(const std::string& host, const std::optional<v1::FailedHealth>& failed);
  // OK: the agent answers now, or did a moment ago. Errors as AgentCaller::Status.
  absl::Status Reach(const AgentAddress& agent) { return probes_.Reach(agent); }
  // Waits that long; false: leaving.
  bool Pause(absl::Duration pause);

  // Whether the host may still be changed; waits while the store cannot tell.
  struct LockState {
    enum class Kind { kHeld, kBroken, kLeft } kind = Kind::kLeft;
    int64_t fencing = 0;  // kHeld
    std::string why;      // kBroken
  };
  LockState CheckLock(const std::string& host);

  // Stores a host with `step` (may be null), and retries if that fails. If `halt` is not empty, the
  // same write also ends the whole deployment because of a hook. False: leaving.
  bool StoreHost(int index, const HostRecord& host, const v1::StepRecord* step,
                 const std::string& halt = "");
  // Loads step `number` of a host (empty: it is not stored), and retries if that fails. False:
  // leaving.
  bool LoadStep(int index, int number, v1::StepRecord& step);

 private:
  using Entry = DeploymentRecord;
  struct Slot {
    HostRecord entry;    // while a worker has the host: the former entry, with state RUNNING
    bool retry = false;  // it is unreachable, and begins again

    v1::HostDeploymentState state() const { return entry.host.state(); }
  };

  const std::string& id() const { return facts_.deployment.id(); }
  absl::Time Now() const { return options().clock->Now(); }
  SteadyTime SteadyNow() const { return options().clock->SteadyNow(); }
  // The wall time without changes of the clock since this run began; for decisions, pauses and
  // limits.
  absl::Time DecisionTime() const { return began_ + (SteadyNow() - steady_began_); }

  // deployment_writes.cc
  // Changes the entry: first in the store (together with `host` unless it is null), then in memory.
  // FAILED_PRECONDITION: the deployment has ended.
  absl::Status Change(const std::function<void(Entry&)>& change,
                      const DeploymentStore::Checkpoint* host = nullptr);
  bool ChangeUntilStored(const std::function<void(Entry&)>& change,
                         const DeploymentStore::Checkpoint* host = nullptr);
  // Repeats `write` while it is UNAVAILABLE. False: leaving, or another error, which ends the
  // deployment.
  bool StoreUntilDone(const std::function<absl::Status()>& write);
  // Sets what the deployment's message says while something cannot be stored; OK: it can again.
  void StoreTrouble(const absl::Status& status);
  // The store failed in a way that a retry does not mend: the deployment ends for this reason.
  void StoreFailed(const absl::Status& status);

  // deployment_locks.cc
  bool TakeLocks();
  bool UnderWay();
  std::vector<std::string> HostsToLock();
  void WaitsForLocks(const std::vector<v1::HostLock>& holders);
  void ReleaseDone();
  void Leave(v1::DeploymentState end, const std::string& why);
  void Interrupt();

  // deployment_workers.cc
  void ProbeFirstHosts();
  void BeginHosts(const std::vector<int>& hosts);
  void Work(const std::vector<int>& hosts, bool roll_back, bool recovered);
  void Done(int index, HostRecord entry);
  // Runs each of these in a worker.
  void Employ(std::vector<std::function<void()>> jobs);
  void RestAfter(absl::Duration decision);
  void AwaitWorkers();

  // deployment_run.cc
  // Stores what only Turn() changed (counts, message), at most once per kSavePeriod.
  void SaveCounts();
  bool Start();
  bool Turn();
  bool Ends(const Decision& decision);
  bool Apply(const Decision& decision);
  // Cancelled, or halted: no more hosts may begin.
  bool IsStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return entry_.state.cancel_requested() || !entry_.state.halt_reason().empty();
  }
  RolloutStand Stand(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AwaitWork(const Decision& decision, absl::Time decided);
  void Count(const std::string& reason);
  void ReleaseLocks();
  void Finish(v1::DeploymentState state, const std::string& reason);
  void End(v1::DeploymentState state, const std::function<void(Entry&)>& change);

  // deployment_catch_up.cc
  void Await(const Decision& decision);
  void HeardOf(const std::string& host);

  const Parts parts_;
  const DeploymentRecord facts_;
  const RolloutPolicy policy_;
  const absl::Time began_;
  const SteadyTime steady_began_;
  std::unique_ptr<HeldLocks> locks_;  // set before workers are

  HostProbes probes_;

  std::atomic<bool> stopping_ = false;
  std::atomic<bool> lost_ = false;
  std::atomic<bool> stop_after_step_ = false;
  std::atomic<bool> cancelled_ = false;

  Mutex store_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // one save of the entry at a time, in order
  Mutex mutex_;
  CondVar changed_;
  Entry entry_ ABSL_GUARDED_BY(mutex_);
  std::vector<Slot> slots_ ABSL_GUARDED_BY(mutex_);
  int workers_ ABSL_GUARDED_BY(mutex_) = 0;
  // Something changed since the last turn.
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool resting_ ABSL_GUARDED_BY(mutex_) = false;  // see RestAfter()
  // Why the deployment is left before its end, and in which state; empty: it is not.
  std::string lost_why_ ABSL_GUARDED_BY(mutex_);
  v1::DeploymentState lost_end_ ABSL_GUARDED_BY(mutex_) = v1::DEPLOYMENT_STATE_UNSPECIFIED;
  std::string trouble_ ABSL_GUARDED_BY(mutex_);  // what cannot be stored
  std::set<std::string> heard_ ABSL_GUARDED_BY(mutex_);
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the thread of Run() alone.
  SteadyTime saved_ = SteadyTime::InfinitePast();
  SteadyTime next_try_ = SteadyTime::InfinitePast();
  bool released_done_ = false;
  PhaseCounts told_{};
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENT_RUN_H_
