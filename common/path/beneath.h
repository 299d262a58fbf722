#ifndef GITOPS_COMMON_PATH_BENEATH_H_
#define GITOPS_COMMON_PATH_BENEATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

// Checks that `path` is relative, not empty, and made of plain names: no "..", ".", "//", NUL or
// control characters, no component with a special meaning for git or a shell (a leading '-', any
// spelling of ".git") or longer than 255 bytes. The path has at most 4095 bytes. INVALID_ARGUMENT
// names the component and the reason.
absl::Status CheckPlainRelativePath(absl::string_view path);

// Opens `path` beneath the open directory `root` with openat2(RESOLVE_BENEATH |
// RESOLVE_NO_MAGICLINKS | `resolve_flags`). `flags` as for open(2); O_CLOEXEC is added.
// PERMISSION_DENIED: it leads out of root, or through a link although `resolve_flags` forbids that;
// NOT_FOUND and others by errno.
absl::StatusOr<Fd> OpenBeneath(int root, const std::string& path, int flags, int mode = 0,
                               int resolve_flags = 0);

// mkdir -p beneath `root`, without following symlinks. Existing directories are unchanged; new ones
// get `mode`. Returns the last one, opened O_PATH | O_DIRECTORY.
absl::StatusOr<Fd> MakeDirectoriesBeneath(int root, absl::string_view path, int mode);

// Removes the tree `path` as RemoveTreeAt (remove_tree.h) does, without a limit.
absl::Status RemoveTree(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_BENEATH_H_
