#ifndef GITOPS_COMMON_PROCESS_INVOCATION_H_
#define GITOPS_COMMON_PROCESS_INVOCATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/account/lookup.h"
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

// The account of Command::user; none if the command sets none. Also refuses a command that cannot
// be run anywhere. Errors are those of ProcessRunner::Run.
absl::StatusOr<std::optional<UserAccount>> AccountOf(const Command& command);

// Looks up the program in the calling thread's root directory, and puts setpriv(1) and prlimit(1)
// before it if the command sets an account, `account`, or a limit. Errors are those of
// ProcessRunner::Run.
absl::StatusOr<Invocation> PlanInvocation(const Command& command,
                                          const std::optional<UserAccount>& account);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROCESS_INVOCATION_H_
