#ifndef GITOPS_SERVICES_PLANNER_RPC_PLANNER_SERVICE_H_
#define GITOPS_SERVICES_PLANNER_RPC_PLANNER_SERVICE_H_

#include <functional>
#include <memory>

#include "common/clock/clock.h"
#include "common/rpc/gate.h"
#include "common/rpc/grants.h"
#include "common/store/request_ids.h"
#include "common/store/store.h"
#include "gitops/v1/planner.grpc.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/audit/reported_audits.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/hooks/hook_caller.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/plan/plan_maker.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/run/deployments.h"

namespace gitops {

struct PlannerServiceOptions {
  // None of these is owned.
  Clock* clock = nullptr;
  const RpcGate* gate = nullptr;
  const GrantFile* grants = nullptr;  // null: no limits
  Fleet* fleet = nullptr;
  HostLocks* locks = nullptr;
  ServiceCaller* agents = nullptr;
  HookCaller* hooks = nullptr;
  const PlanMaker* plans = nullptr;
  DeploymentStore* store = nullptr;
  RequestIds* request_ids = nullptr;
  Deployments* deployments = nullptr;
  ReportedAudits* audits = nullptr;  // null: none are known
  Store* state = nullptr;            // that `store` and `locks` use
  // What the planner tells about itself. Any thread. May be empty.
  std::function<v1::DebugInfo()> debug_info;
  // Each open stream holds a thread of the server.
  int most_fleet_watchers = 32;
  int most_deployment_watchers = 64;
  // Concurrent commands to many hosts, and as many to freeze or unfreeze. Each calls up to 64 hosts
  // at a time.
  int most_commands = 16;
};

// gitops.v1.PlannerService. Handlers read the request, call the core and convert the result.
class PlannerService : public v1::PlannerService::Service {
 public:
  // Ends the watches and refuses new ones, for a drain. Any thread.
  virtual void Stop() = 0;
};

std::unique_ptr<PlannerService> NewPlannerService(PlannerServiceOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_PLANNER_SERVICE_H_
