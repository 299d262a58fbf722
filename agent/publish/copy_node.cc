#include "agent/publish/copy_node.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

absl::Status Failed(absl::string_view what, const std::string& name) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", name));
}

std::string ProcPath(int directory, const std::string& name) {
  return absl::StrCat("/proc/self/fd/", directory, "/", name);
}

// Attributes that this process may not read or set, or the file system does not have, stay behind.
void CopyExtendedAttributes(const std::string& from, const std::string& to) {
  const ssize_t size = ::llistxattr(from.c_str(), nullptr, 0);
  if (size <= 0) return;
  std::string names(static_cast<size_t>(size), '\0');
  const ssize_t listed = ::llistxattr(from.c_str(), names.data(), names.size());
  if (listed <= 0) return;
  names.resize(static_cast<size_t>(listed));
  const std::vector<std::string> all = absl::StrSplit(names, '\0', absl::SkipEmpty());
  for (const std::string& name : all) {
    std::vector<char> value(XATTR_SIZE_MAX);
    const ssize_t length = ::lgetxattr(from.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0) continue;
    ::lsetxattr(to.c_str(), name.c_str(), value.data(), static_cast<size_t>(length), 0);
  }
}

// Owner before mode, as chown clears set-id bits; times last.
absl::Status CopyMetadata(int from, const std::string& name, int to, const std::string& copy,
                          const struct stat& stat) {
  if (::fchownat(to, copy.c_str(), stat.st_uid, stat.st_gid, AT_SYMLINK_NOFOLLOW) != 0 &&
      ::geteuid() == 0) {
    return Failed("set the owner of", name);
  }
  if (!S_ISLNK(stat.st_mode) && ::fchmodat(to, copy.c_str(), stat.st_mode & 07777, 0) != 0) {
    return Failed("set the mode of", name);
  }
  CopyExtendedAttributes(ProcPath(from, name), ProcPath(to, copy));
  const timespec times[] = {stat.st_atim, stat.st_mtim};
  if (::utimensat(to, copy.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("set the times of", name);
  }
  return absl::OkStatus();
}

absl::Status CopyContent(int from, int to, const std::string& name) {
  if (::ioctl(to, FICLONE, from) == 0) return absl::OkStatus();
  char buffer[64 << 10];
  for (;;) {
    const ssize_t length = ::read(from, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Failed("read", name);
    if (length == 0) return absl::OkStatus();
    for (ssize_t done = 0; done < length;) {
      const ssize_t written = ::write(to, buffer + done, static_cast<size_t>(length - done));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed("write", name);
      done += written;
    }
  }
}

absl::Status CopyRegular(int from, const std::string& name, int to, const std::string& copy,
                         struct stat& stat) {
  // Non-blocking, for the case that a FIFO has taken the file's place.
  Fd source(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source || ::fstat(source.get(), &stat) != 0) return Failed("open", name);
  if (!S_ISREG(stat.st_mode)) return absl::NotFoundError(absl::StrCat(name, " was replaced"));
  Fd target(::openat(to, copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target) return Failed("create", copy);
  return CopyContent(source.get(), target.get(), name);
}

absl::Status CopySymlink(int from, const std::string& name, int to, const std::string& copy) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(from, name.c_str(), target, sizeof target);
  if (length < 0) return Failed("read the symlink", name);
  const std::string text(target, static_cast<size_t>(length));
  if (::symlinkat(text.c_str(), to, copy.c_str()) != 0) return Failed("create the symlink", copy);
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyNode(int from, int to, const std::string& name) {
  struct stat stat = {};
  if (::fstatat(from, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("look at", name);
  }
  // Cut where the whole would be longer than a file system allows.
  const std::string copy = absl::StrCat(kUnfinishedPrefix, name).substr(0, NAME_MAX);
  ::unlinkat(to, copy.c_str(), 0);
  absl::Status status;
  if (S_ISREG(stat.st_mode)) {
    status = CopyRegular(from, name, to, copy, stat);
  } else if (S_ISLNK(stat.st_mode)) {
    status = CopySymlink(from, name, to, copy);
  } else if (S_ISFIFO(stat.st_mode)) {
    if (::mkfifoat(to, copy.c_str(), 0600) != 0) status = Failed("create the FIFO", copy);
  } else {
    return absl::UnimplementedError(absl::StrCat(name, " is a socket or device"));
  }
  if (status.ok()) status = CopyMetadata(from, name, to, copy, stat);
  if (status.ok() && ::renameat(to, copy.c_str(), to, name.c_str()) != 0) {
    status = Failed("put in place", name);
  }
  if (!status.ok()) ::unlinkat(to, copy.c_str(), 0);
  return status;
}

absl::Status CopyDirectoryMetadata(int from, int to, const std::string& name) {
  struct stat stat = {};
  if (::fstatat(from, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("look at", name);
  }
  if (!S_ISDIR(stat.st_mode)) return absl::NotFoundError(absl::StrCat(name, " was replaced"));
  return CopyMetadata(from, name, to, name, stat);
}

}  // namespace gitops
