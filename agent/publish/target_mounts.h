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

// Which mounts show something below one directory.
class OwnedMounts {
 public:
  // `table` is of now. `directory` may have symlinks above it.
  static absl::StatusOr<OwnedMounts> Below(const std::string& directory, const MountTable& table);
  // What `mount` shows, relative to the directory; nothing if it is not ours.
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

// All there is to know about the mounts at one target before it is exchanged.
struct TargetMounts {
  std::string target;             // canonical: symlinks above the target resolved
  std::string directory;          // of the target, canonical
  std::string name;               // the target's last component
  MountEntry parent;              // the mount that `directory` is in
  std::vector<MountEntry> stack;  // mounted at the target, topmost first
  size_t covering = 0;            // how many of the stack's topmost are to be cleared away first
  std::vector<InnerMount> inner;  // on the topmost, or on the parent where there is none
};

// FAILED_PRECONDITION: what is mounted there is not to be replaced. It may be if it is ours, or
// shows a directory or file of another place (as gitopper's own bind mounts do), but not if it is a
// file system of its own.
absl::StatusOr<TargetMounts> ReadTargetMounts(const std::string& target,
                                              const std::string& owned_directory);

// `path` with the symlinks above its last component resolved. NOT_FOUND and others as errno says.
absl::StatusOr<std::string> CanonicalTarget(const std::string& path);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_
