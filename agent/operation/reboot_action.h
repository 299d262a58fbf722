#ifndef GITOPS_AGENT_OPERATION_REBOOT_ACTION_H_
#define GITOPS_AGENT_OPERATION_REBOOT_ACTION_H_

#include <string>

#include "agent/activate/systemd.h"
#include "agent/operation/action_runner.h"
#include "common/clock/clock.h"
#include "common/process/process.h"
#include "gitops/record/v1/operation.pb.h"

namespace gitops {

struct RebootOptions {
  // Split at spaces; empty: reboot through systemd.
  std::string command;
  std::string boot_id_file;
  // Not owned.
  Systemd* systemd = nullptr;
  ProcessRunner* runner = nullptr;
  Clock* clock = nullptr;
};

// Requests a reboot, and returns the id of the boot that ends. `boot_id` is the boot of the first
// request: if the current boot is another one, the reboot has taken place, and nothing is done.
// INTERNAL: the request failed. UNAVAILABLE: see ReadBootId.
ActionOutcome Reboot(const RebootOptions& options, const std::string& boot_id, bool again);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_REBOOT_ACTION_H_
