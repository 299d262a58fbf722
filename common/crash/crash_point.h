#ifndef GITOPS_COMMON_CRASH_CRASH_POINT_H_
#define GITOPS_COMMON_CRASH_CRASH_POINT_H_

#include "absl/strings/string_view.h"

namespace gitops {

// A named place at which a test can kill the process: if the variable GITOPS_CRASH_AT is `name` (or
// `name:N` for the Nth time), the process kills itself with SIGKILL. Only in programs that link
// //common/crash:armed; tests use //agent:gitops-agent-crash. In other programs this does nothing.
// docs/reference/crash-points.md lists the names. Thread-safe.
void CrashPoint(absl::string_view name);

// The function that CrashPoint calls; :armed sets it once, before main(). Null: none.
extern void (*crash_hook)(absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_COMMON_CRASH_CRASH_POINT_H_
