#ifndef GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_
#define GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/path/fd.h"

namespace gitops {

// The kernel's mount calls as this folder uses them, with errors as status. All need CAP_SYS_ADMIN
// over the mount namespace: PERMISSION_DENIED otherwise.

enum class Propagation { kShared, kSlave, kPrivate };

// A copy of the mount at `path` (relative to the open directory `at`; empty: `at` itself), rooted
// there, attached nowhere: it is gone when the descriptor is closed. `with_inner`: also the mounts
// on it.
absl::StatusOr<Fd> CloneMount(int at, const std::string& path, bool with_inner);

// Attaches a mount made by CloneMount. `beneath`: under what is mounted at the target now, where
// nobody sees it yet (UNIMPLEMENTED: this kernel, older than 6.5, cannot).
absl::Status AttachMount(int mount, int at, const std::string& path, bool beneath = false);

absl::Status SetPropagation(int at, const std::string& path, Propagation propagation);
absl::Status MakeReadOnly(int mount);

// Takes the topmost mount at `path`, and all that is on it, out of sight at once. Who has it open
// keeps it.
absl::Status DetachMount(const std::string& path);
// The mount whose root is open as `mount`, which need not be in sight. With another mount on that
// same root, it would be that one.
absl::Status DetachOpenMount(int mount);

// Runs `work` in a thread with a mount namespace of its own, a copy of this one whose shared mounts
// are peers of the originals. It ends with `work`, or with the process, and its mounts with it:
// nothing that was only mounted there can be left behind.
absl::Status InCopiedNamespace(const std::function<absl::Status()>& work);

}  // namespace gitops

#endif  // GITOPS_AGENT_PUBLISH_MOUNT_CALLS_H_
