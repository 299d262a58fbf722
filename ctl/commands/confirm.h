#ifndef GITOPS_CTL_COMMANDS_CONFIRM_H_
#define GITOPS_CTL_COMMANDS_CONFIRM_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ctl/commands/fleet_commands.h"

namespace gitops::ctl {

// Checked before a destructive command makes any call: OK with -y, or if a terminal is there for
// the question. Otherwise a usage error that names -y.
absl::Status RequireYesOrTerminal(const Invocation& invocation, const Console& console);
inline absl::Status RequireYesOrTerminal(const FleetContext& context) {
  return RequireYesOrTerminal(context.invocation, context.console);
}

// OK with -y, or if the user at the terminal answers yes to "QUESTION [y/N]"; otherwise a failure:
// nothing was done. `question` must be escaped.
absl::Status Confirm(const Invocation& invocation, Console& console, absl::string_view question);
inline absl::Status Confirm(const FleetContext& context, absl::string_view question) {
  return Confirm(context.invocation, context.console, question);
}

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_COMMANDS_CONFIRM_H_
