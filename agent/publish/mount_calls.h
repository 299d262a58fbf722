#ifndef GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The kernel's mount calls that this folder needs, with errors as status. All need CAP_SYS_ADMIN
// over the mount namespace: PERMISSION_DENIED otherwise.

enum class Propagation { kShared, kSlave, kPrivate };

// A copy of the mount at `path` (relative to the open directory `at`; empty: `at` itself), rooted
// there and not attached: it disappears when the descriptor is closed. `with_inner`: including the
// mounts on it.
absl::StatusOr<Fd> CloneMount(int at, const std::string& path, bool with_inner);

// Attaches a mount of CloneMount. `beneath`: under the current mount at the target, where it is not
// visible yet (UNIMPLEMENTED: the kernel is older than 6.5).
absl::Status AttachMount(int mount, int at, const std::string& path, bool beneath = false);

absl::Status SetPropagation(int at, const std::string& path, Propagation propagation);
absl::Status MakeReadOnly(int mount);

// Detaches the topmost mount at `path`, with all mounts on it, at once. Open files of it stay
// usable.
absl::Status DetachMount(const std::string& path);
// Detaches the mount whose root is open as `mount`, which need not be visible. If another mount is
// on the same root, that one is detached instead.
absl::Status DetachOpenMount(int mount);

// Runs `work` on a thread with its own mount namespace, a copy of this one whose shared mounts are
// peers of the originals. The namespace ends with `work`, or with the process, and its mounts with
// it: no mount of it can be left behind.
absl::Status InCopiedNamespace(const std::function<absl::Status()>& work);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_
