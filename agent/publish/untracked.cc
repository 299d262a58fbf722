#include "agent/publish/untracked.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/path/open_at.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int64_t kClockStepNs = 20'000'000;  // more than a step of a file system's clock

int64_t Nanoseconds(const timespec& time) {
  return absl::ToUnixNanos(absl::TimeFromTimespec(time));
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

void CarriedDirectory::NoteStamp(int directory) {
  struct stat stat = {};
  timespec now = {};
  if (::fstat(directory, &stat) != 0 || ::clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return;
  const Stamp stamp = Stamp::Of(stat);
  inode = stamp.inode;
  mtime_ns = stamp.mtime_ns;
  // A later change within the same step of the clock would not show.
  ctime_ns = stamp.ctime_ns < Nanoseconds(now) - kClockStepNs ? stamp.ctime_ns : kUnsettled;
}

bool CarriedDirectory::HasChanged(const Stamp& now) const {
  return inode != now.inode || mtime_ns != now.mtime_ns || ctime_ns != now.ctime_ns;
}

uint64_t HashOf(const std::string& name) { return absl::HashOf(name); }

std::string Untracked::PathOf(uint32_t directory) const {
  std::vector<absl::string_view> names;
  for (; directory != 0; directory = directories[directory].parent) {
    names.push_back(directories[directory].name);
  }
  std::reverse(names.begin(), names.end());
  return absl::StrJoin(names, "/");
}

Untracked::ByName Untracked::FilesOf(uint32_t directory) const {
  ByName all;
  for (uint32_t i = 0; i < directories[directory].files; ++i) {
    const CarriedFile& file = files[directories[directory].first_file + i];
    all[file.name] = &file;
  }
  return all;
}

absl::flat_hash_set<uint64_t> Untracked::ChildrenOf(uint32_t directory) const {
  absl::flat_hash_set<uint64_t> names;
  for (uint32_t i = 0; i < directories[directory].children; ++i) {
    names.insert(HashOf(directories[directories[directory].first_child + i].name));
  }
  return names;
}

}  // namespace gitops
