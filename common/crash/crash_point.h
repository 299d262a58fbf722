#ifndef GITOPS_COMMON_CRASH_CRASH_POINT_H_
#define GITOPS_COMMON_CRASH_CRASH_POINT_H_

#include "absl/strings/string_view.h"

namespace gitops {

// A named place at which a test can kill the process: where the variable GITOPS_CRASH_AT holds
// `name` (or `name:N` for the Nth time it is passed), SIGKILL is sent to itself. Only a program
// that links //common/crash:armed can be killed so; tests use //agent:gitops-agent-crash. Elsewhere
// this is a call of nothing. Names are listed in docs/reference/crash-points.md. Any thread.
void CrashPoint(absl::string_view name);

// What CrashPoint calls; set once, before main(), by :armed. Null: nothing.
extern void (*crash_hook)(absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_COMMON_CRASH_CRASH_POINT_H_
