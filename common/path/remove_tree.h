#ifndef GITOPS_COMMON_PATH_REMOVE_TREE_H_
#define GITOPS_COMMON_PATH_REMOVE_TREE_H_

#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/status.h"

namespace gitops {

struct RemoveLimits {
  std::stop_token stop = {};
  // The number of files and directories that may still be removed, which is reduced by those that
  // are. Null: any number.
  int64_t* entries = nullptr;
};

// Removes `name`, a file or a tree, from the open directory `parent`, without following symlinks or
// crossing mount points. OK if it does not exist. Needs two descriptors and the same memory at any
// depth and size: directories are moved up to the top of the tree and emptied there, so after an
// error the rest of the tree is flatter than before.
//
// Others may change the tree meanwhile; who adds entries as fast as they are removed can only use
// up the limit. CANCELLED: asked to stop, which is looked at every 256 entries; RESOURCE_EXHAUSTED:
// the limit is reached; FAILED_PRECONDITION names a mount point at or in the tree.
absl::Status RemoveTreeAt(int parent, const std::string& name, const RemoveLimits& limits = {});

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_REMOVE_TREE_H_
