#ifndef GITOPS_AGENT_OPERATION_HOST_ACTIONS_H_
#define GITOPS_AGENT_OPERATION_HOST_ACTIONS_H_

#include <memory>

#include "agent/operation/action_runner.h"
#include "agent/operation/operation_options.h"
#include "common/process/process.h"

namespace gitops {

// The actions of OperationService.PerformAction. `runner`, not owned, must outlive them.
std::unique_ptr<ActionRunner> NewHostActions(OperationOptions options, ProcessRunner* runner);

// Whether nix-env and nix-store are installed.
bool HasNix();

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_HOST_ACTIONS_H_
