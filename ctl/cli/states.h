#ifndef GITOPS_CTL_CLI_STATES_H_
#define GITOPS_CTL_CLI_STATES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ctl/cli/invocation.h"

namespace gitops::ctl {

// The states that --state of a list, or --for of wait, may name, as tables show them: "OK",
// "FREEZE"…; empty: the command takes neither.
std::vector<std::string> StatesOf(CommandId command);

// Checks the states in `flags`, and adds those that the server filters by to the filters.
// INVALID_ARGUMENT names those that exist.
absl::Status ReadStates(CommandId command, Flags& flags);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_STATES_H_
