#ifndef GITOPS_CTL_CLI_CHECKS_H_
#define GITOPS_CTL_CLI_CHECKS_H_

#include "absl/status/status.h"
#include "ctl/cli/grammar.h"
#include "ctl/cli/invocation.h"
#include "ctl/cli/raw_flags.h"

namespace gitops::ctl {

// Checks that arguments, flags, @HOST and selection fit together, before any call. Clears the
// values of variables that the command does not take. INVALID_ARGUMENT says what is wrong and how
// to fix it.
absl::Status CheckAll(const Form& form, const RawCommandLine& line, Invocation& invocation);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_CHECKS_H_
