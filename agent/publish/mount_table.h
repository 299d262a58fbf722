#ifndef GITOPS_AGENT_PUBLISH_MOUNT_TABLE_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// One line of /proc/self/mountinfo.
struct MountEntry {
  uint64_t id = 0;
  uint64_t parent_id = 0;
  std::string device;       // "MAJOR:MINOR"
  std::string root;         // what of the file system it shows; ends in "//deleted" once removed
  std::string mount_point;  // as seen from this process's root
  bool read_only = false;   // of the mount, not of the file system
  bool shared = false;      // it has a peer group, and hands on what is mounted on it
  bool slave = false;       // it receives from a master
  std::string type;         // "ext4", "tmpfs"…

  bool operator==(const MountEntry&) const = default;
};

// The mounts of this process's mount namespace at one moment. A value: it does not follow changes.
class MountTable {
 public:
  // Errors: INVALID_ARGUMENT names the line.
  static absl::StatusOr<MountTable> Parse(absl::string_view mountinfo);
  // Of the calling thread's mount namespace.
  static absl::StatusOr<MountTable> Read();

  const MountEntry* Find(uint64_t id) const;
  // Directly on `id`, in the order of the table.
  std::vector<const MountEntry*> ChildrenOf(uint64_t id) const;
  // The mount whose id is `top` and those that it covers at the same place, topmost first: for as
  // long as each is mounted on the root of the next.
  std::vector<const MountEntry*> StackUnder(uint64_t top) const;
  const std::vector<MountEntry>& entries() const { return entries_; }

 private:
  std::vector<MountEntry> entries_;
};

// What a path shows at its end, following a symlink there only if `follow`.
struct PathView {
  uint64_t mount_id = 0;
  bool mount_root = false;  // it is the root of that mount: something is mounted exactly here
  uint64_t device = 0;
  uint64_t inode = 0;
  uint32_t mode = 0;  // as st_mode

  bool SameFile(const PathView& other) const {
    return device == other.device && inode == other.inode;
  }
};
// Errors as errno says; NOT_FOUND if nothing is there.
absl::StatusOr<PathView> ViewPath(const std::string& path, bool follow = false);
absl::StatusOr<PathView> ViewFd(int fd);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_TABLE_H_
