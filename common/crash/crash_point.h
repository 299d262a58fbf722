#ifndef GITOPS_COMMON_CRASH_CRASH_POINT_H_
#define GITOPS_COMMON_CRASH_CRASH_POINT_H_

#include "absl/strings/string_view.h"

namespace gitops {

// A named place at which a test can kill the process: where the variable GITOPS_CRASH_AT holds
// `name` (or `name:N` for the Nth time it is passed), SIGKILL is sent to itself. Compiled in only
// under --define=crash_points=on (tools/test builds the integration tests' agent so); otherwise
// this is nothing at all. Names are listed in docs/reference/crash-points.md.
#ifdef GITOPS_CRASH_POINTS
void CrashPoint(absl::string_view name);
#else
inline void CrashPoint(absl::string_view) {}
#endif

}  // namespace gitops

#endif  // GITOPS_COMMON_CRASH_CRASH_POINT_H_
