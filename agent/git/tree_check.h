#ifndef GITOPS_AGENT_GIT_TREE_CHECK_H_
#define GITOPS_AGENT_GIT_TREE_CHECK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/git/tree.h"
#include "common/config/fleet.h"

namespace gitops {

// Checks which entries of a commit may become files on a host. Pure functions: no disk, no git.

// Whether `path` is `link` or beneath it; everything is beneath ".".
bool IsBeneathLink(absl::string_view path, absl::string_view link);

// Checks names, modes and shape of everything that is listed: plain names only; files, executables
// and symlinks only; no path twice; no path that differs only in case from a symlink or a parent
// directory; every link of `directories` exists, and is a file or a directory as configured.
// FAILED_PRECONDITION names path and reason; NOT_FOUND: a link does not exist.
absl::Status CheckTree(const std::vector<TreeEntry>& entries,
                       const std::vector<DirectorySpec>& directories);

// Checks the target of each symlink; `targets` has one for every symlink, by path. A symlink,
// resolved step by step through the others, must stay beneath each link that contains it, because
// the link is what is mounted. It may leave it only straight for a link of the service that lies
// beside it, or below, in the repository and on the host alike, so that it means the same file in
// both. An absolute one must lead beneath one of the service's `local` paths. FAILED_PRECONDITION
// names path and target.
absl::Status CheckSymlinks(const std::map<std::string, std::string>& targets,
                           const std::vector<DirectorySpec>& directories);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TREE_CHECK_H_
