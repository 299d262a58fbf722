#ifndef GITOPS_AGENT_GIT_MIRROR_DIRECTORY_H_
#define GITOPS_AGENT_GIT_MIRROR_DIRECTORY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/git/account.h"
#include "agent/git/git_commands.h"

namespace gitops {

// What of a mirror is the agent's: the directory, git's configuration, HOME. Only the repository in
// it belongs to the account; so nothing that the account may change is ever opened by path with the
// agent's rights.

// Creates the directory and HOME. FAILED_PRECONDITION: the account could not enter it.
absl::Status MakeMirrorDirectory(const MirrorPaths& paths, const Account& account);

// Writes a file that only the account can read (and nobody write), if its content or owner is
// another; in one step.
absl::Status WritePrivateFile(const std::string& path, absl::string_view content,
                              const Account& account);

// Creates the empty directory that `git init` fills.
absl::Status MakeRepositoryDirectory(const MirrorPaths& paths, const Account& account);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_MIRROR_DIRECTORY_H_
