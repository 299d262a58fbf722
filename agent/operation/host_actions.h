#ifndef GITOPS_AGENT_OPERATION_HOST_ACTIONS_H_
#define GITOPS_AGENT_OPERATION_HOST_ACTIONS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/activate/systemd.h"
#include "agent/controller/host_agent.h"
#include "agent/operation/action_runner.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/process/process.h"

namespace gitops {

struct HostActionsOptions {
  // Not owned; all must outlive the actions.
  HostAgent* agent = nullptr;
  ProcessRunner* runner = nullptr;
  Systemd* systemd = nullptr;
  Clock* clock = nullptr;
  // This host's own entries of the current fleet config.
  std::function<std::vector<HostSpec>()> own_hosts;
  // See RebootOptions.
  std::function<std::string()> reboot_command;
  std::string boot_id_file;
};

// The actions of OperationService.PerformAction.
std::unique_ptr<ActionRunner> NewHostActions(HostActionsOptions options);

// Whether nix-env and nix-store are installed.
bool HasNix();

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_HOST_ACTIONS_H_
