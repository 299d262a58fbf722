#ifndef GITOPS_AGENT_PUBLISH_UNTRACKED_H_
#define GITOPS_AGENT_PUBLISH_UNTRACKED_H_

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The properties by which a change of a node is detected. Default: it does not exist.
struct Stamp {
  bool exists = false;
  bool directory = false;
  ino_t inode = 0;
  off_t size = 0;
  mode_t mode = 0;
  int64_t mtime_ns = 0, ctime_ns = 0;

  bool operator==(const Stamp&) const = default;
};

// The stamp of `name` in an open directory, and of `path` beneath one. Symlinks are not followed.
Stamp StampOf(int directory, const std::string& name);
Stamp StampAt(int root, const std::string& path);

// By path, so that a directory comes before its content.
using Untracked = std::map<std::string, Stamp>;

// Opens the directory `path` beneath `root`, without symlinks and mounts on the way.
absl::StatusOr<Fd> OpenDirectory(int root, const std::string& path, int flags = O_RDONLY);

// The names in an open directory, without "." and "..".
absl::StatusOr<std::vector<std::string>> NamesIn(int directory);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_UNTRACKED_H_
