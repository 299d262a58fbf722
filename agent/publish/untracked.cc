#include "agent/publish/untracked.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/path/beneath.h"

namespace gitops {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Stamp StampOf(int directory, const std::string& name) {
  struct stat stat = {};
  if (::fstatat(directory, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) return {};
  return {.exists = true,
          .directory = S_ISDIR(stat.st_mode),
          .inode = stat.st_ino,
          .size = stat.st_size,
          .mode = stat.st_mode,
          .mtime_ns = Nanoseconds(stat.st_mtim),
          .ctime_ns = Nanoseconds(stat.st_ctim)};
}

Stamp StampAt(int root, const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return StampOf(root, path);
  absl::StatusOr<Fd> parent = OpenDirectory(root, path.substr(0, slash), O_PATH);
  return parent.ok() ? StampOf(parent->get(), path.substr(slash + 1)) : Stamp();
}

absl::StatusOr<Fd> OpenDirectory(int root, const std::string& path, int flags) {
  return OpenBeneath(root, path, flags | O_DIRECTORY | O_NOFOLLOW, 0,
                     RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

absl::StatusOr<std::vector<std::string>> NamesIn(int directory) {
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = again < 0 ? nullptr : ::fdopendir(again);
  if (stream == nullptr) return absl::ErrnoToStatus(errno, "cannot list a directory");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(stream);
  return names;
}

}  // namespace gitops
