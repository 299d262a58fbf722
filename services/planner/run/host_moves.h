#ifndef GITOPS_SERVICES_PLANNER_RUN_HOST_MOVES_H_
#define GITOPS_SERVICES_PLANNER_RUN_HOST_MOVES_H_

#include <cstdint>
#include <string>

#include "services/planner/fleet/fleet.h"
#include "services/planner/run/host_session.h"
#include "services/planner/run/step_log.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// What came of one move.
struct MoveDone {
  enum class Kind {
    kDone,         // see `result`
    kLeft,         // the process stops: it is to be made again, under the same name
    kUnreachable,  // the agent could not be reached, and nothing was asked of it
    kHookError,    // a hook stops the deployment
  };
  Kind kind = Kind::kDone;
  MoveResult result;
  std::string why;  // kUnreachable, kHookError
};

// One move of a host, about to be made.
struct MoveContext {
  HostSession* session;
  StepLog* log;
  const FleetHost* host;
  const HostProgress* progress;
  int64_t fencing = 0;
  // An earlier process may have made this move already.
  bool repeated = false;
};

// The operation that a kPerform or kReboot move is; empty for others.
std::string OperationId(const DeploymentRecord& deployment, const std::string& host,
                        const Move& move);
// What the record calls an action or check run; empty for hooks.
std::string RecordName(const Move& move);

// What is said of a host that could be reached before, and at `move` cannot.
std::string LostText(const Move& move, absl::string_view why);

// Asks the hook dispatcher, the checks or the agent, and notes it in the log. Moves of services go
// into the host's entry.
MoveDone MakeMove(const MoveContext& context, const Move& move);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_HOST_MOVES_H_
