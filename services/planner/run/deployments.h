#ifndef GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENTS_H_
#define GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENTS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/check/host_checks.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {

// What there is to count; called from any thread, without locks held.
struct DeploymentObserver {
  std::function<void(v1::DeploymentState result, absl::Duration took)> ended;
  // How many hosts are in each state over all running deployments.
  std::function<void(const std::string& phase, int hosts)> hosts;
  // Hosts that wait for a thread (most_parallel).
  std::function<void(int waiting)> queued;
};

struct DeploymentsOptions {
  // None of these is owned.
  Clock* clock = nullptr;
  DeploymentStore* store = nullptr;
  HostLocks* locks = nullptr;
  Fleet* fleet = nullptr;
  AgentCaller* agents = nullptr;
  HookCaller* hooks = nullptr;
  HostChecks* checks = nullptr;
  DeploymentObserver observer;
  std::string planner;  // this planner's name
  // No other process can open the store: what a planner of another name left is taken over.
  bool sole_planner = false;
  int most_parallel = 1000;  // hosts under way at a time, over all deployments
  // As AgentCallerOptions::return_timeout, for an agent that may have gone away before this process
  // began, and in a rollback.
  absl::Duration return_timeout = AgentCallerOptions().return_timeout;
};

// Runs deployments to their end, each in threads of its own, one for each host under way. What is
// done next is decided by step_machine.h and waves.h; every move is stored before the next one is
// made, so that a planner that was killed goes on where it was. Any thread.
class Deployments {
 public:
  virtual ~Deployments() = default;

  // Takes up what a planner of this name left unfinished (the sole planner: of any name). Once,
  // before the first Begin. A
  // deployment that cannot be read (DATA_LOSS) is logged and left.
  virtual absl::Status Recover() = 0;

  struct NewDeployment {
    std::string id;
    v1::Plan plan;
    std::vector<v1::HookCall> calls;  // of the select hooks
    std::string actor, reason, rollback_of, traceparent;
    bool no_wait = false;
    std::vector<StoreWrite> also;  // to be made in the write that stores it
  };
  // Stores it and begins. FAILED_PRECONDITION: `no_wait` and a host is locked; nothing is stored.
  virtual absl::StatusOr<v1::Deployment> Begin(NewDeployment deployment) = 0;

  // As the RPCs of the same names.
  virtual absl::StatusOr<v1::Deployment> Cancel(const std::string& id, const std::string& actor,
                                                const std::string& reason) = 0;
  virtual absl::StatusOr<v1::Deployment> Resume(const std::string& id,
                                                const std::string& actor) = 0;

  // Notes in the record of the deployment that held it that its lock was broken.
  virtual void LockBroken(const v1::HostLock& lock, const std::string& actor,
                          const std::string& reason) = 0;

  // What holds up a deployment that runs here and cannot be stored, in words; empty: nothing.
  virtual std::string Trouble(const std::string& id) = 0;

  // Ends what runs after the move under way, for a shutdown; Recover() of the next process goes on.
  virtual void Stop() = 0;
};

std::unique_ptr<Deployments> NewDeployments(DeploymentsOptions options);

// The plan that brings back what `done` moved: hosts in reverse order with the revisions they had.
// FAILED_PRECONDITION: it moved nothing.
absl::StatusOr<v1::Plan> RollbackPlan(const v1::Deployment& done);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENTS_H_
