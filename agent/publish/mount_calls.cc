#include "agent/publish/mount_calls.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"

// glibc's <sys/mount.h> and <linux/mount.h> conflict; only these two definitions are missing.
extern "C" int umount2(const char* target, int flags) noexcept;

namespace gitops {
namespace {

constexpr unsigned kMoveMountBeneath = 0x200;  // since Linux 6.5; in no header of Debian 12
constexpr int kDetach = 0x2;                   // MNT_DETACH
constexpr int kNoFollow = 0x8;                 // UMOUNT_NOFOLLOW
constexpr unsigned long kShared = 1 << 20, kSlave = 1 << 19, kPrivate = 1 << 18;  // MS_…

absl::Status Failed(int error, absl::string_view what, const std::string& path) {
  std::string message = absl::StrCat("cannot ", what, path.empty() ? "" : " ", path);
  if (error == EPERM) {
    absl::StrAppend(&message, " (mounting needs root; --root=false publishes by symlink instead)");
  }
  return absl::ErrnoToStatus(error, message);
}

absl::Status SetAttributes(int at, const std::string& path, const mount_attr& attributes,
                           absl::string_view what) {
  const unsigned flags = AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW | (path.empty() ? AT_EMPTY_PATH : 0);
  if (::syscall(SYS_mount_setattr, at, path.c_str(), flags, &attributes, sizeof attributes) != 0) {
    return Failed(errno, what, path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Fd> CloneMount(int at, const std::string& path, bool with_inner) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT |
                         AT_SYMLINK_NOFOLLOW | (path.empty() ? AT_EMPTY_PATH : 0) |
                         (with_inner ? AT_RECURSIVE : 0);
  Fd mount(static_cast<int>(::syscall(SYS_open_tree, at, path.c_str(), flags)));
  if (!mount) return Failed(errno, "copy the mount of", path);
  return mount;
}

absl::Status AttachMount(int mount, int at, const std::string& path, bool beneath) {
  const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (path.empty() ? MOVE_MOUNT_T_EMPTY_PATH : 0) |
                         (beneath ? kMoveMountBeneath : 0);
  if (::syscall(SYS_move_mount, mount, "", at, path.c_str(), flags) == 0) return absl::OkStatus();
  const int error = errno;
  if (beneath && error == EINVAL) {
    return absl::UnimplementedError(
        absl::StrCat("this kernel cannot mount beneath the mount on ", path));
  }
  return Failed(error, beneath ? "mount beneath" : "mount on", path);
}

absl::Status SetPropagation(int at, const std::string& path, Propagation propagation) {
  mount_attr attributes = {};
  attributes.propagation = propagation == Propagation::kShared  ? kShared
                           : propagation == Propagation::kSlave ? kSlave
                                                                : kPrivate;
  return SetAttributes(at, path, attributes, "change the propagation of the mount");
}

absl::Status MakeReadOnly(int mount) {
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  return SetAttributes(mount, "", attributes, "make a mount read-only");
}

absl::Status DetachMount(const std::string& path) {
  if (::umount2(path.c_str(), kDetach | kNoFollow) != 0) return Failed(errno, "detach", path);
  return absl::OkStatus();
}

absl::Status DetachOpenMount(int mount) {
  const std::string path = absl::StrCat("/proc/self/fd/", mount);
  if (::umount2(path.c_str(), kDetach) != 0) return Failed(errno, "detach a covered mount", "");
  return absl::OkStatus();
}

absl::Status InCopiedNamespace(const std::function<absl::Status()>& work) {
  absl::Status status;
  const auto run = [&] {
    if (::unshare(CLONE_NEWNS) != 0) {
      status = Failed(errno, "create a mount namespace to prepare mounts", "");
      return;
    }
    status = work();
  };
  try {
    std::thread(run).join();
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot start a thread to prepare mounts: ", error.what()));
  }
  return status;
}

}  // namespace gitops
