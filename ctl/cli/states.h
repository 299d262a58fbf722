#ifndef GITOPS_CTL_CLI_STATES_H_
#define GITOPS_CTL_CLI_STATES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ctl/cli/invocation.h"

namespace gitops::ctl {

// The states that --state of a list and --for of a wait may name, as tables show them: "OK",
// "FREEZE"…; empty: the command takes neither.
std::vector<std::string> StatesOf(CommandId command);

// Checks the states in `flags`, and adds those that the server filters by to the filters.
// INVALID_ARGUMENT names those that exist.
absl::Status ReadStates(CommandId command, Flags& flags);

// Checks what `wait` waits for. INVALID_ARGUMENT names the states or statuses that exist.
absl::Status CheckWanted(CommandId command, const Flags::Wanted& wanted);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_STATES_H_
