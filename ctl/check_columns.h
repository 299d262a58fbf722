#ifndef GITOPS_CTL_CHECK_COLUMNS_H_
#define GITOPS_CTL_CHECK_COLUMNS_H_

#include "absl/status/status.h"
#include "ctl/cli/invocation.h"
#include "ctl/output/renderer.h"

namespace gitops::ctl {

// INVALID_ARGUMENT: --columns or --sort names a column that the command's table has not; the
// message names those that exist. Calls no server.
absl::Status CheckColumns(const Invocation& invocation, const RenderOptions& options);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_CHECK_COLUMNS_H_
