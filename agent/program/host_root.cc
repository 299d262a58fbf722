#include "agent/program/host_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/mount/mount_table.h"

namespace gitops {
namespace {

absl::Status Fault(int error, absl::string_view attempted) {
  return absl::FailedPreconditionError(
      absl::ErrnoToStatus(error, absl::StrCat("--host-root: ", attempted)).message());
}

// The agent finds its descriptors, and the mounts that it makes, in /proc.
absl::Status CheckProc(const Fd& host, const std::string& directory) {
  char self[PATH_MAX] = "";
  const ssize_t size = readlinkat(host.get(), "proc/self", self, sizeof(self) - 1);
  if (size >= 0 && std::string(self, size) == absl::StrCat(getpid())) return absl::OkStatus();
  const std::string found = size < 0 ? "is missing" : "is that of other processes";
  return absl::FailedPreconditionError(absl::StrCat(
      "--host-root: ", directory, "/proc ", found, "; start the container with --pid=host and the ",
      "host's whole file system, --volume /:", directory, ":rshared"));
}

}  // namespace

absl::StatusOr<Fd> EnterHostRoot(const Settings& flags) {
  const std::string& directory = flags.Get("host-root");
  if (directory.empty()) return Fd();
  Fd container(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!container) return Fault(errno, "open the container's root");
  const Fd host(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!host) return Fault(errno, absl::StrCat("open ", directory));
  if (absl::Status proc = CheckProc(host, directory); !proc.ok()) return proc;
  if (fchdir(host.get()) != 0 || chroot(".") != 0) {
    return Fault(errno, absl::StrCat("make ", directory, " the root (needs root)"));
  }
  return container;
}

absl::Status CheckMountsReachHost() {
  const absl::StatusOr<PathView> root = ViewPath("/");
  if (!root.ok()) return root.status();
  const absl::StatusOr<MountTable> table = MountTable::Read();
  if (!table.ok()) return table.status();
  const MountEntry* const mount = table->Find(root->mount_id);
  if (mount != nullptr && root->mount_root && mount->shared) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "--host-root: the directory is not mounted with propagation, so what the agent mounts would "
      "stay in its container; start it with --volume /:DIRECTORY:rshared, or publish by symlinks "
      "(--root=false)");
}

absl::Status CheckSeenByGit(const Fd& container, const std::string& state_dir) {
  open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const Fd seen(static_cast<int>(
      syscall(SYS_openat2, container.get(), state_dir.c_str(), &how, sizeof(how))));
  if (!seen && errno != ENOENT && errno != ENOTDIR) {
    return absl::ErrnoToStatus(errno, absl::StrCat("open ", state_dir, " in the container"));
  }
  struct stat ours = {}, theirs = {};
  if (stat(state_dir.c_str(), &ours) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("look at ", state_dir));
  }
  if (seen && fstat(seen.get(), &theirs) == 0 && ours.st_dev == theirs.st_dev &&
      ours.st_ino == theirs.st_ino) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "--host-root: git runs in the container, which does not have the host's ", state_dir,
      " at the same path; start it with --volume ", state_dir, ":", state_dir));
}

}  // namespace gitops
