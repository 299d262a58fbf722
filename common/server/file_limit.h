#ifndef GITOPS_COMMON_SERVER_FILE_LIMIT_H_
#define GITOPS_COMMON_SERVER_FILE_LIMIT_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace gitops {

// Raises the limit of open files to `wanted`, as far as the system allows; systemd and shells set
// 1,024 by default. Logs a warning if it stays lower; `what` needs them: "stalled hooks".
void RaiseFileLimit(int64_t wanted, absl::string_view what);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_FILE_LIMIT_H_
