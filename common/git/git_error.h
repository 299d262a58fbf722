#ifndef GITOPS_COMMON_GIT_GIT_ERROR_H_
#define GITOPS_COMMON_GIT_GIT_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/process/process.h"

namespace gitops {

// The line of git's standard error that says what went wrong, without the advice around it; URLs
// are redacted, control characters escaped, and the length is bounded.
std::string CondenseGitError(absl::string_view error_output);

// The status of a failed git command; `attempt` is for example "fetching main from https://h/x".
// DATA_LOSS: the local repository is damaged. ABORTED: a push lost to another one; fetch again.
// FAILED_PRECONDITION also: the upstream refuses the push (a hook, a protected branch). If git's
// message is not known: UNAVAILABLE if the command connected to the upstream, otherwise INTERNAL.
absl::Status StatusFromGit(absl::string_view attempt, const CommandResult& result, bool remote);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_GIT_ERROR_H_
