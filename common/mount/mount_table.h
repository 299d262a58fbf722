#ifndef GITOPS_COMMON_MOUNT_MOUNT_TABLE_H_
#define GITOPS_COMMON_MOUNT_MOUNT_TABLE_H_

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
  std::string root;         // the mounted part of the file system; ends in "//deleted" once removed
  std::string mount_point;  // as seen from this process's root
  bool read_only = false;   // of the mount, not of the file system
  bool shared = false;      // it has a peer group, and propagates mounts on it
  bool slave = false;       // it receives from a master
  std::string type;         // "ext4", "tmpfs"…

  bool operator==(const MountEntry&) const = default;
};

// A snapshot of the mounts of this process's mount namespace.
class MountTable {
 public:
  // INVALID_ARGUMENT names the line.
  static absl::StatusOr<MountTable> Parse(absl::string_view mountinfo);
  // Reads the mount namespace of the calling thread.
  static absl::StatusOr<MountTable> Read();

  const MountEntry* Find(uint64_t id) const;
  // The mounts directly on `id`, in the order of the table.
  std::vector<const MountEntry*> ChildrenOf(uint64_t id) const;
  // The mount with id `top` and those under it, topmost first, down to `base`, which is left out;
  // empty if `base` is not under it. Where `base` is the mount that contains a directory, and `top`
  // what is visible at a name in it, these are the mounts at that name. Goes by ids: mount points
  // in the table may come from moments between which somebody renamed what is above them.
  std::vector<const MountEntry*> StackUnder(uint64_t top, uint64_t base) const;
  const std::vector<MountEntry>& entries() const { return entries_; }

 private:
  std::vector<MountEntry> entries_;
};

// What is at a path; a symlink at its end is followed only if `follow` is set.
struct PathView {
  uint64_t mount_id = 0;
  bool mount_root = false;  // it is the root of that mount: there is a mount exactly here
  uint64_t device = 0;
  uint64_t inode = 0;
  uint32_t mode = 0;  // st_mode

  bool SameFile(const PathView& other) const {
    return device == other.device && inode == other.inode;
  }
};
// Errors by errno; NOT_FOUND if nothing is there.
absl::StatusOr<PathView> ViewPath(const std::string& path, bool follow = false);
absl::StatusOr<PathView> ViewFd(int fd);
// Where an open file is now, as seen from this process's root; for messages, and for comparison
// with MountEntry::mount_point. Whoever may rename its parents can change it at any time.
absl::StatusOr<std::string> PathOfFd(int fd);

}  // namespace gitops

#endif  // GITOPS_COMMON_MOUNT_MOUNT_TABLE_H_
