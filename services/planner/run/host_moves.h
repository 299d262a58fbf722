#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_MOVES_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_MOVES_H_

#include <cstdint>
#include <string>

#include "services/planner/fleet/fleet.h"
#include "services/planner/run/deployment_run.h"
#include "services/planner/run/step_log.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// The outcome of one move.
struct MoveDone {
  enum class Kind {
    kDone,         // see `result`
    kLeft,         // the process stops; the move is to be repeated under the same id
    kUnreachable,  // the agent could not be reached, so nothing was done
    kHookError,    // a hook stops the deployment
  };
  Kind kind = Kind::kDone;
  MoveResult result;
  std::string why;  // kUnreachable, kHookError
};

// The context of one move of a host.
struct MoveContext {
  DeploymentRun* run;
  int index;  // of the host
  HostRecord* entry;
  StepLog* log;
  const FleetHost* host;
  const HostProgress* progress;
  int64_t fencing = 0;
  // An earlier process may have made this move already.
  bool repeated = false;
};

// The operation id of a kPerform or kReboot move; empty for others.
std::string OperationId(const DeploymentRecord& deployment, const std::string& host,
                        const Move& move);
// The name of an action or check run in the record; empty for hooks.
std::string RecordName(const Move& move);

// The error of a host that could be reached before, but not at `move`.
std::string LostText(const Move& move, absl::string_view why);

// Calls the hook dispatcher, the checks or the agent, and notes it in the log. Adds moves of
// services to the host's entry.
MoveDone MakeMove(const MoveContext& context, const Move& move);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_MOVES_H_
