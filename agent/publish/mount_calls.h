#ifndef GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The kernel's mount calls that this folder needs, on open nodes only, with errors as status. All
// need CAP_SYS_ADMIN over the mount namespace: PERMISSION_DENIED otherwise.

enum class Propagation { kShared, kSlave, kPrivate };

// A copy of the mount that `node` is on, rooted there and not attached: it disappears when the
// descriptor is closed. `with_inner`: including the mounts on it.
absl::StatusOr<Fd> CloneMount(int node, bool with_inner);

// Attaches a mount of CloneMount on `node`. `beneath`: `node` is the root of a mount, under which
// the new one is not visible yet (UNIMPLEMENTED: the kernel is older than 6.5).
absl::Status AttachMount(int mount, int node, bool beneath = false);

// Of the mount whose root is open as `mount`.
absl::Status SetPropagation(int mount, Propagation propagation);
absl::Status MakeReadOnly(int mount);
// Makes the private `mount` a peer of a shared mount of the same file system that shows as much, or
// more. What they have mounted on them already stays different.
absl::Status JoinPeers(int mount, int shared);

// Detaches the mount whose root is open as `mount`, which need not be visible, with all mounts on
// it, at once. If another mount is on the same root, that one is detached instead. Open files of it
// stay usable.
absl::Status DetachMount(int mount);

// Runs `work` on a thread with its own mount namespace, a copy of this one in which all mounts are
// private. The namespace ends with `work`, or with the process, and its mounts with it: no mount of
// it can be left behind. A detached mount can be attached at `stage`, the root directory.
absl::Status InCopiedNamespace(const std::function<absl::Status(int stage)>& work);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_
