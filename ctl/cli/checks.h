#ifndef GITOPS_CTL_CLI_CHECKS_H_
#define GITOPS_CTL_CLI_CHECKS_H_

#include "absl/status/status.h"
#include "ctl/cli/grammar.h"
#include "ctl/cli/invocation.h"
#include "ctl/cli/raw_flags.h"

namespace gitops::ctl {

// Whether the parts of a line go together, before anybody is asked: arguments, flags, @HOST and
// selection. Drops the values of variables that do not concern the action. INVALID_ARGUMENT says
// what does not fit, and what to write.
absl::Status CheckAll(const Form& form, const RawCommandLine& line, Invocation& invocation);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_CHECKS_H_
