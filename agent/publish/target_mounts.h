#ifndef GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_
#define GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/publish/mount_table.h"

namespace gitops {

// The mounts that have something below one directory as their root.
class OwnedMounts {
 public:
  // `table` must be current. `directory` may have symlinks above it.
  static absl::StatusOr<OwnedMounts> Below(const std::string& directory, const MountTable& table);
  // The root of `mount`, relative to the directory; nothing if it is not ours.
  std::optional<std::string> PathOf(const MountEntry& mount) const;

 private:
  std::string device_;
  std::string prefix_;  // in that device's file system, ending in '/'
};

// A mount somewhere below a target.
struct InnerMount {
  std::string path;  // relative to the target
  bool shared = false;
  bool directory = true;
};

// Everything about the mounts at one target before an exchange.
struct TargetMounts {
  std::string target;             // canonical: symlinks above the target resolved
  std::string directory;          // of the target, canonical
  std::string name;               // the target's last component
  MountEntry parent;              // the mount that `directory` is in
  std::vector<MountEntry> stack;  // mounted at the target, topmost first
  size_t covering = 0;            // how many topmost mounts of the stack must be removed first
  std::vector<InnerMount> inner;  // on the topmost mount, or on the parent if there is none
};

// FAILED_PRECONDITION: the mount there must not be replaced. A mount may be replaced if it is ours,
// or a bind mount (such as gitopper's), but not if it is another file system.
absl::StatusOr<TargetMounts> ReadTargetMounts(const std::string& target,
                                              const std::string& owned_directory);

// `path` with the symlinks above its last component resolved. NOT_FOUND and others by errno.
absl::StatusOr<std::string> CanonicalTarget(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_
