#ifndef GITOPS_CTL_CLI_READ_FLAGS_H_
#define GITOPS_CTL_CLI_READ_FLAGS_H_

#include "absl/status/statusor.h"
#include "ctl/cli/invocation.h"
#include "ctl/cli/raw_flags.h"

namespace gitops::ctl {

// Checks and converts the values. INVALID_ARGUMENT names the flag or variable and the allowed
// values.
absl::StatusOr<Flags> ReadFlags(const RawCommandLine& line);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CLI_READ_FLAGS_H_
