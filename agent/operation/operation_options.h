#ifndef GITOPS_AGENT_OPERATION_OPERATION_OPTIONS_H_
#define GITOPS_AGENT_OPERATION_OPERATION_OPTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "agent/activate/systemd.h"
#include "agent/controller/host_agent.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/rpc/gate.h"
#include "common/store/store.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// What operations need of the agent.
struct OperationOptions {
  // Not owned; all must outlive the operations.
  Store* store = nullptr;
  HostAgent* agent = nullptr;
  Systemd* systemd = nullptr;
  Clock* clock = nullptr;
  const RpcGate* gate = nullptr;
  // Whether the caller's grants allow an action on this host. Empty: they do.
  std::function<absl::Status(const Principal& caller, const std::string& action)> granted = {};
  // From the current configuration: this host's own entries of the fleet config, and the command
  // for a reboot, split at spaces (empty: through systemd).
  std::function<std::vector<HostSpec>()> own_hosts;
  std::function<std::string()> reboot_command;
  std::string boot_id_file;
  // Which configuration is in force.
  std::function<v1::ConfigStatus()> config_status;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_OPTIONS_H_
