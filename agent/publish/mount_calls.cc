#include "agent/publish/mount_calls.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/sync/start_thread.h"

// glibc's <sys/mount.h> and <linux/mount.h> conflict; only these two definitions are missing.
extern "C" int umount2(const char* target, int flags) noexcept;

namespace gitops {
namespace {

constexpr unsigned kMoveMountBeneath = 0x200;  // since Linux 6.5; in no header of Debian 12
constexpr int kDetach = 0x2;                   // MNT_DETACH
constexpr unsigned long kShared = 1 << 20, kSlave = 1 << 19, kPrivate = 1 << 18;  // MS_…

absl::Status Failed(absl::string_view what) {
  const int error = errno;
  return absl::ErrnoToStatus(
      error, absl::StrCat("cannot ", what,
                          error == EPERM
                              ? " (mounting needs root; --root=false publishes by symlink instead)"
                              : ""));
}

absl::Status SetAttributes(int mount, const mount_attr& attributes, unsigned flags,
                           absl::string_view what) {
  flags |= AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  if (::syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof attributes) != 0) {
    return Failed(what);
  }
  return absl::OkStatus();
}

absl::Status SetPropagationOf(int mount, unsigned long propagation, unsigned flags) {
  mount_attr attributes = {};
  attributes.propagation = propagation;
  return SetAttributes(mount, attributes, flags, "change the propagation of a mount");
}

absl::StatusOr<Fd> EnterCopiedNamespace() {
  if (::unshare(CLONE_NEWNS) != 0) return Failed("create a mount namespace to prepare mounts");
  Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return Failed("open the root directory");
  // What is attached at the root must not propagate to the original.
  absl::Status status = SetPropagationOf(root.get(), kPrivate, AT_RECURSIVE);
  if (!status.ok()) return status;
  return root;
}

}  // namespace

absl::StatusOr<Fd> CloneMount(int node, bool with_inner) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT |
                         AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | (with_inner ? AT_RECURSIVE : 0);
  Fd mount(static_cast<int>(::syscall(SYS_open_tree, node, "", flags)));
  if (!mount) return Failed("copy a mount");
  return mount;
}

absl::Status AttachMount(int mount, int node, bool beneath) {
  const unsigned flags =
      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH | (beneath ? kMoveMountBeneath : 0);
  if (::syscall(SYS_move_mount, mount, "", node, "", flags) == 0) return absl::OkStatus();
  if (beneath && errno == EINVAL) {
    return absl::UnimplementedError("this kernel cannot mount beneath another mount");
  }
  return Failed(beneath ? "mount beneath the present mount" : "mount");
}

absl::Status SetPropagation(int mount, Propagation propagation) {
  return SetPropagationOf(mount,
                          propagation == Propagation::kShared  ? kShared
                          : propagation == Propagation::kSlave ? kSlave
                                                               : kPrivate,
                          0);
}

absl::Status MakeReadOnly(int mount) {
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return SetAttributes(mount, attributes, 0, "make a mount read-only");
}

absl::Status JoinPeers(int mount, int shared) {
  const unsigned flags = MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::syscall(SYS_move_mount, shared, "", mount, "", flags) == 0) return absl::OkStatus();
  return Failed("make a mount a peer of another");
}

absl::Status DetachMount(int mount) {
  // There is no umount by descriptor. This is not a path that anybody can redirect.
  const std::string path = absl::StrCat("/proc/self/fd/", mount);
  if (::umount2(path.c_str(), kDetach) != 0) return Failed("detach a mount");
  return absl::OkStatus();
}

absl::Status InCopiedNamespace(const std::function<absl::Status(int stage)>& work) {
  absl::Status status;
  const auto run = [&] {
    absl::StatusOr<Fd> stage = EnterCopiedNamespace();
    status = stage.ok() ? work(stage->get()) : stage.status();
  };
  absl::StatusOr<std::thread> thread = StartThread("prepare mounts", run);
  if (!thread.ok()) return thread.status();
  thread->join();
  return status;
}

}  // namespace gitops
