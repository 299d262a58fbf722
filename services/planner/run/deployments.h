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
#include "common/rpc/actor.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/check/host_checks.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/run/running_checks.h"

namespace gitops {

// What to count. Called from any thread; must be quick.
struct DeploymentObserver {
  std::function<void(v1::DeploymentState result, absl::Duration took)> ended;
  // The number of hosts in a phase, over all running deployments.
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
  // No other process can open the store, so deployments that a planner of another name left are
  // taken over.
  bool sole_planner = false;
  // Hosts in progress over all deployments. Each deployment may always have a 32nd of this number,
  // at least one, so that hosts that hang in one deployment do not hold up another.
  int most_parallel = 1000;
  // Deployments that have not ended; more: RESOURCE_EXHAUSTED.
  int most_deployments = 64;
  // As AgentCallerOptions::return_timeout, for an agent that may have been lost before this process
  // started, and in a rollback.
  absl::Duration return_timeout = AgentCallerOptions().return_timeout;
};

// Runs deployments to their end, each in threads of its own, one for each host in progress.
// step_machine.h and waves.h decide what to do next. Every move is stored before the next one is
// made, so that a planner that was killed continues where it was. Any thread. Changes of the same
// deployment wait for each other; those of different deployments do not.
class Deployments {
 public:
  virtual ~Deployments() = default;

  // Continues the deployments that a planner of this name (the sole planner: of any name) left
  // unfinished. Call it once; all calls that begin or change a deployment are UNAVAILABLE until it
  // has succeeded. A deployment that cannot be read (DATA_LOSS) is logged and ends as failed.
  virtual absl::Status Recover() = 0;

  struct NewDeployment {
    Actor actor;
    std::string reason, traceparent;
    bool no_wait = false;
    v1::DeploymentSpec spec;  // for the record of one that cannot be planned
    // Plans it. `calls` gets the calls of the select hooks, also after an error.
    std::function<absl::StatusOr<v1::Plan>(const std::string& id, std::vector<v1::HookCall>* calls)>
        plan;
    // Returns further writes to make together with it. May be null.
    std::function<std::vector<StoreWrite>(const std::string& id)> also;
    std::string rollback_of;  // set by RollBack
  };
  // Plans, stores and begins a deployment. FAILED_PRECONDITION: `no_wait` and a host is locked;
  // RESOURCE_EXHAUSTED: too many deployments have not ended. Others as `plan`. If hooks were called
  // and the deployment does not begin, their calls are kept in a failed deployment, which the error
  // names; nothing else is stored.
  virtual absl::StatusOr<v1::Deployment> Begin(const NewDeployment& deployment) = 0;
  // Begins a deployment that reverts the moves of deployment `id`; `back` needs no plan.
  // FAILED_PRECONDITION: it has not ended, or moved nothing.
  virtual absl::StatusOr<v1::Deployment> RollBack(const std::string& id, NewDeployment back) = 0;

  // As the RPCs of the same names.
  virtual absl::StatusOr<v1::Deployment> Cancel(const std::string& id, const Actor& actor,
                                                const std::string& reason) = 0;
  virtual absl::StatusOr<v1::Deployment> Resume(const std::string& id, const Actor& actor) = 0;
  // Also notes it in the record of the deployment that held the lock.
  virtual absl::StatusOr<v1::HostLock> BreakLock(const std::string& host, const Actor& actor,
                                                 const std::string& reason) = 0;
  // Adds an event to the record of a deployment, unless another planner runs it. A failure is only
  // logged.
  virtual void AddNote(const std::string& id, const std::string& message, const Actor& actor) = 0;

  // Why a deployment that runs here cannot be stored; empty: it can, or does not run here.
  virtual std::string Trouble(const std::string& id) = 0;

  // The health checks that run on hosts of deployments that run here.
  virtual RunningChecks& running_checks() = 0;

  // Stops all deployments after their current moves, for a shutdown; Recover() of the next process
  // continues them.
  virtual void Stop() = 0;
};

std::unique_ptr<Deployments> NewDeployments(DeploymentsOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_DEPLOYMENTS_H_
