#ifndef GITOPS_AGENT_PUBLISH_UNTRACKED_H_
#define GITOPS_AGENT_PUBLISH_UNTRACKED_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The properties by which a change of a node is detected. Default: it does not exist.
struct Stamp {
  bool exists = false;
  bool directory = false;
  uint64_t inode = 0, links = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;
  uint64_t print = 0;  // of all that changes with the content or the access, also of these times

  static Stamp Of(const struct stat& stat);
};

// The stamp of `name` in an open directory. Symlinks are not followed. An error other than that it
// does not exist is an error.
absl::StatusOr<Stamp> StampOf(int directory, const std::string& name);

// Opens the directory `path` (at most 4,095 bytes) beneath `root`, to list it. NOT_FOUND: it does
// not exist, or is reached through a symlink, another kind of node, or a mount point. Any other
// code is a failure to find out.
absl::StatusOr<Fd> OpenDirectory(int root, const std::string& path);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_UNTRACKED_H_
