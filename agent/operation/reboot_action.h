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
  // Split at spaces; empty: systemd is asked.
  std::string command;
  std::string boot_id_file;
  // Not owned.
  Systemd* systemd = nullptr;
  ProcessRunner* runner = nullptr;
  Clock* clock = nullptr;
};

// Asks for a reboot, and answers with the boot that ends. `boot_id` is the boot in which it was
// first asked for: where another has begun since, that was it, and nothing is done. INTERNAL: it
// could not be asked for. UNAVAILABLE: see ReadBootId.
ActionOutcome Reboot(const RebootOptions& options, const std::string& boot_id, bool again);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_REBOOT_ACTION_H_
