#ifndef GITOPS_COMMON_PATH_BENEATH_H_
#define GITOPS_COMMON_PATH_BENEATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// Checks that `path` is relative, not empty, and made of plain names: no "..", ".", "//", NUL or
// control characters, and no component that git or a shell would take for something else
// (a leading '-', any spelling of ".git"), none longer than 255 bytes, nor the path than 4095.
// INVALID_ARGUMENT names the component and the reason.
absl::Status CheckPlainRelativePath(absl::string_view path);

// Opens `path` beneath the open directory `root` with openat2(RESOLVE_BENEATH |
// RESOLVE_NO_MAGICLINKS) and `resolve_flags` more. `flags` as for open(2); O_CLOEXEC is added.
// PERMISSION_DENIED: it leads out of root, or through a link where `resolve_flags` forbids that;
// NOT_FOUND and others as errno says.
absl::StatusOr<Fd> OpenBeneath(int root, const std::string& path, int flags, int mode = 0,
                               int resolve_flags = 0);

// mkdir -p beneath `root`, following no symlink. Existing directories are kept as they are; new
// ones get `mode`. Returns the last one, opened O_PATH | O_DIRECTORY.
absl::StatusOr<Fd> MakeDirectoriesBeneath(int root, absl::string_view path, int mode);

// Removes a tree, following no symlink and crossing no mount point: FAILED_PRECONDITION names one
// that it meets, or is, and the rest of the tree stays. OK if it does not exist. Must not run
// beside another that removes or moves parts of the tree (ABORTED where it notices).
absl::Status RemoveTree(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_BENEATH_H_
