#ifndef GITOPS_AGENT_PROGRAM_PROGRAM_H_
#define GITOPS_AGENT_PROGRAM_PROGRAM_H_

#include "common/config/settings.h"
#include "common/path/fd.h"

namespace gitops {

inline constexpr char kAgentProgram[] = "gitops-agent";

// Serves with these flags until a signal ends it. Returns the exit status: 0 stopped by a signal; 1
// could not start or continue; 2 wrong config. `git_root`: the root directory of git (see
// EnterHostRoot); none: this process's.
int ServeAgent(const Settings& flags, Fd git_root);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_PROGRAM_H_
