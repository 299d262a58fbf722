#ifndef GITOPS_CTL_COMMANDS_CONFIRM_H_
#define GITOPS_CTL_COMMANDS_CONFIRM_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ctl/commands/fleet_commands.h"

namespace gitops::ctl {

// Before a destructive command asks anybody anything: OK with -y, or where somebody sits at a
// terminal who can be asked. Else a usage error that names -y.
absl::Status RequireYesOrTerminal(const FleetContext& context);

// OK with -y, or where the person at the terminal answers yes to "QUESTION [y/N]"; else a failure:
// nothing was done. `question` is escaped.
absl::Status Confirm(const FleetContext& context, absl::string_view question);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_CONFIRM_H_
