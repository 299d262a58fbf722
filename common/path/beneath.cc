#include "common/path/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/open_at.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int kPermissions = 07777;

absl::Status OpenError(const std::string& path, int error, int resolve_flags) {
  const std::string what = absl::StrCat("open \"", EscapeText(path), "\"");
  if (error == EXDEV) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, ": it leads out of its directory",
                     (resolve_flags & RESOLVE_NO_XDEV) != 0 ? ", or across a mount point" : ""));
  }
  if (error == ELOOP) {
    return absl::PermissionDeniedError(
        absl::StrCat(what, ": it contains a symbolic link, which is not allowed here"));
  }
  return FileStatus(error, what);
}

// Sets the requested permissions, independent of the umask. Through /proc, because fchmod(2)
// refuses O_PATH and fchmodat(2) would follow a link that replaced the directory.
absl::Status SetMode(int directory, const std::string& name, int mode) {
  struct stat status;
  if (fstat(directory, &status) != 0) return FileStatus(errno, "stat of " + name);
  const auto wanted = static_cast<mode_t>(mode) | (status.st_mode & S_ISGID);
  if ((status.st_mode & kPermissions) == wanted) return absl::OkStatus();
  if (chmod(absl::StrCat("/proc/self/fd/", directory).c_str(), wanted) == 0) {
    return absl::OkStatus();
  }
  return FileStatus(errno, absl::StrCat("set the mode of directory \"", EscapeText(name), "\""));
}

absl::StatusOr<Fd> MakeDirectory(int parent, const std::string& name, int mode) {
  const bool made = mkdirat(parent, name.c_str(), static_cast<mode_t>(mode)) == 0;
  if (!made && errno != EEXIST) {
    return FileStatus(errno, absl::StrCat("create directory \"", EscapeText(name), "\""));
  }
  absl::StatusOr<Fd> directory =
      OpenBeneath(parent, name, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
  if (!directory.ok() || !made) return directory;
  absl::Status status = SetMode(directory->get(), name, mode);
  if (!status.ok()) return status;
  return directory;
}

}  // namespace

int OpenAt(int root, const std::string& path, int flags, int mode, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = static_cast<uint64_t>(mode);
  how.resolve = resolve;
  // The kernel returns EAGAIN if something was renamed meanwhile, since it cannot tell then whether
  // the path left the root. A rename during each of many attempts is an attack.
  int fd;
  int tries = 0;
  do {
    fd = static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how)));
  } while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 1000)));
  return fd;
}

absl::StatusOr<Fd> OpenBeneath(int root, const std::string& path, int flags, int mode,
                               int resolve_flags) {
  if (path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("open \"", EscapeText(path), "\": the path contains a NUL"));
  }
  const auto resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve_flags;
  Fd fd(OpenAt(root, path, flags, mode, static_cast<uint64_t>(resolve)));
  if (!fd) return OpenError(path, errno, resolve_flags);
  return fd;
}

absl::StatusOr<Fd> MakeDirectoriesBeneath(int root, absl::string_view path, int mode) {
  if (!path.empty() && path[0] == '/') {
    return absl::PermissionDeniedError(absl::StrCat("create directories \"", EscapeText(path),
                                                    "\": an absolute path leads out of the root"));
  }
  absl::StatusOr<Fd> directory = OpenBeneath(root, ".", O_PATH | O_DIRECTORY);
  for (const absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (!directory.ok()) break;
    directory = MakeDirectory(directory->get(), std::string(name), mode);
  }
  if (!directory.ok()) {
    return WithStateReason(StateReasonOf(directory.status()),
                           absl::Status(directory.status().code(),
                                        absl::StrCat("create directories \"", EscapeText(path),
                                                     "\": ", directory.status().message())));
  }
  return directory;
}

}  // namespace gitops
