#ifndef GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_
#define GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/publish/target.h"
#include "common/mount/mount_table.h"
#include "common/path/fd.h"

namespace gitops {

// A mount somewhere below a target.
struct InnerMount {
  std::string path;  // relative to the target
  bool shared = false;
  bool directory = true;
  Fd node;  // its root, O_PATH
};

// Everything about the mounts at one target before an exchange.
struct TargetMounts {
  Target target;
  MountEntry parent;              // the mount that the directory above the target is on
  std::vector<MountEntry> stack;  // mounted at the target, topmost first
  size_t covering = 0;            // how many topmost mounts of the stack must be removed first
  std::vector<InnerMount> inner;  // on the topmost mount, or on the parent if there is none
};

// FAILED_PRECONDITION: the mount there must not be replaced. A mount may be replaced if something
// below `owned_directory` is its root, or if it is a bind mount (such as gitopper's), but not if it
// is another file system.
absl::StatusOr<TargetMounts> ReadTargetMounts(Target target, const std::string& owned_directory);

// The rest is about the inner mounts, which an exchange of the target keeps.

// Detached copies of them, in their order.
absl::StatusOr<std::vector<Fd>> CopyInner(const TargetMounts& mounts);

// `mount` with `copies` on it, as one detached tree. Mount points that it lacks are made, for the
// owners of the directories they lie in. FAILED_PRECONDITION names one that cannot be kept.
absl::StatusOr<Fd> JoinTree(Fd mount, const TargetMounts& mounts, const std::vector<Fd>& copies,
                            bool read_only);

// Attaches `copies` where they were, on what is below the target now.
absl::Status PutBackInner(const Target& now, const TargetMounts& mounts,
                          const std::vector<Fd>& copies);

// Detaches the copy of an inner mount that is on the open root of an attached tree.
absl::Status DetachInner(int tree, const InnerMount& inner);

// Makes the mounts at and below the target private again that were not shared.
absl::Status MakePrivate(const Target& now, const TargetMounts& mounts);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_TARGET_MOUNTS_H_
