#ifndef GITOPS_COMMON_PATH_MAKE_NODE_H_
#define GITOPS_COMMON_PATH_MAKE_NODE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"

namespace gitops {

enum class NodeKind { kDirectory, kFile };

// Makes a directory (0755) or an empty file (0644) in the directory that is open as `directory`. It
// belongs to the owner and group of that directory from the start, and is made with their rights
// only: nothing that the owner could not make themselves comes to be, and no owner or mode is set
// afterwards, when the name may be another node already. The process's umask applies. For an
// account other than root, what it makes is its own.
//
// Returns false if something has the name already. Errors by errno: NOT_FOUND: `directory` was
// removed; PERMISSION_DENIED: its owner may not create anything in it. Per thread.
absl::StatusOr<bool> MakeNode(int directory, const std::string& name, NodeKind kind);

// Makes what is missing of `path` (relative) beneath the open directory `root`: directories, and at
// its end a node of `kind`. Follows no symlinks; crosses mount points. Returns the last one, opened
// O_PATH. FAILED_PRECONDITION names what is in the way: a symlink, or something of another kind.
absl::StatusOr<Fd> MakeBeneath(int root, absl::string_view path, NodeKind kind);

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_MAKE_NODE_H_
