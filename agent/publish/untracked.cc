#include "agent/publish/untracked.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <cerrno>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "common/path/open_at.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Stamp Stamp::Of(const struct stat& stat) {
  Stamp stamp = {.exists = true,
                 .directory = S_ISDIR(stat.st_mode),
                 .inode = stat.st_ino,
                 .links = stat.st_nlink,
                 .mtime_ns = Nanoseconds(stat.st_mtim),
                 .ctime_ns = Nanoseconds(stat.st_ctim)};
  stamp.print =
      absl::HashOf(stat.st_ino, stat.st_mode, stat.st_size, stamp.mtime_ns, stamp.ctime_ns);
  return stamp;
}

absl::StatusOr<Stamp> StampOf(int directory, const std::string& name) {
  struct stat stat = {};
  if (::fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0) return Stamp::Of(stat);
  if (errno == ENOENT) return Stamp();
  return absl::ErrnoToStatus(errno, absl::StrCat("stat \"", EscapeText(name), "\""));
}

absl::StatusOr<Fd> OpenDirectory(int root, const std::string& path) {
  Fd fd(OpenAt(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
  if (fd) return fd;
  const int error = errno;
  const std::string what = absl::StrCat("open the directory \"", EscapeText(path), "\"");
  if (error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV) {
    return absl::NotFoundError(absl::StrCat(what, ": it is not there"));
  }
  return absl::ErrnoToStatus(error, what);
}

}  // namespace gitops
