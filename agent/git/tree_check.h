#ifndef GITOPS_AGENT_GIT_TREE_CHECK_H_
#define GITOPS_AGENT_GIT_TREE_CHECK_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/git/tree_listing.h"
#include "common/config/fleet.h"

namespace gitops {

// What of a commit may become files on a host. Plain functions: no disk, no git.

// Whether `path` is `link` or lies beneath it; everything lies beneath ".".
bool IsBeneathLink(absl::string_view path, absl::string_view link);

// Checks names, modes and shape of everything that is listed: plain names only; files, executables
// and symlinks only; nothing twice; nothing that differs from a symlink, or from a directory on the
// way, only in case; every link of `directories` there, and a file or a directory as it is
// configured. FAILED_PRECONDITION names path and reason; NOT_FOUND: a link is not there.
absl::Status CheckTree(const std::vector<TreeEntry>& entries,
                       const std::vector<DirectorySpec>& directories);

// Checks where each symlink leads; `targets` has one for every symlink, by path. Followed step by
// step through the others it must stay beneath each link that it lies in, because that is what is
// mounted; an absolute one must lead beneath one of the service's own `local` paths.
// FAILED_PRECONDITION names path and target.
absl::Status CheckSymlinks(const std::map<std::string, std::string>& targets,
                           const std::vector<DirectorySpec>& directories);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TREE_CHECK_H_
