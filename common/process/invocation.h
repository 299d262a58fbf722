#ifndef GITOPS_COMMON_PROCESS_INVOCATION_H_
#define GITOPS_COMMON_PROCESS_INVOCATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/process/process.h"

namespace gitops {

// The arguments of execve(2) for a command.
struct Invocation {
  std::string program;
  std::vector<std::string> argv;
  // NAME=value.
  std::vector<std::string> environment;
  std::string directory;
};

// Looks up the program and the account, and puts setpriv(1) and prlimit(1) before the program if
// the command sets an account or a limit. Errors are those of ProcessRunner::Run.
absl::StatusOr<Invocation> PlanInvocation(const Command& command);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_INVOCATION_H_
