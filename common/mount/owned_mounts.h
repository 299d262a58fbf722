#ifndef GITOPS_COMMON_MOUNT_OWNED_MOUNTS_H_
#define GITOPS_COMMON_MOUNT_OWNED_MOUNTS_H_

#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/mount/mount_table.h"

namespace gitops {

// The mounts that have something below one directory as their root.
class OwnedMounts {
 public:
  // `directory` is open (O_PATH will do); `table` must be current. UNAVAILABLE: the directory's
  // mount is not in the table.
  static absl::StatusOr<OwnedMounts> Below(int directory, const MountTable& table);
  // `directory` belongs to this account or root, and so does everything above it.
  static absl::StatusOr<OwnedMounts> Below(const std::string& directory, const MountTable& table);
  // `path`: the directory's, without symlinks, on `mount`.
  static OwnedMounts Of(const MountEntry& mount, absl::string_view path);

  // The root of `mount`, relative to the directory; nothing if it is not below it.
  std::optional<std::string> PathOf(const MountEntry& mount) const;
  // The names in the directory which are, or contain, the root of a mount or a mount point:
  // removing them would remove a published tree.
  std::set<std::string> EntriesIn(const MountTable& table) const;

 private:
  std::string device_;
  std::string prefix_;  // in that device's file system, ending in '/'
  std::string path_;    // in the mount namespace, ending in '/'
};

// OwnedMounts::EntriesIn for the directory that is open as `directory`, and the mounts of now.
absl::StatusOr<std::set<std::string>> MountedEntries(int directory);

}  // namespace gitops

#endif  // GITOPS_COMMON_MOUNT_OWNED_MOUNTS_H_
