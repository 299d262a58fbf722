#ifndef GITOPS_AGENT_PUBLISH_KEPT_MOUNTS_H_
#define GITOPS_AGENT_PUBLISH_KEPT_MOUNTS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/publish/target_mounts.h"
#include "common/path/fd.h"

namespace gitops {

// The mounts below a target, which an exchange of the target keeps.

// Detached copies of the inner mounts, in their order.
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

#endif  // GITOPS_AGENT_PUBLISH_KEPT_MOUNTS_H_
