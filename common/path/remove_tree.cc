#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/path/beneath.h"
#include "common/path/open_at.h"

namespace gitops {
namespace {

constexpr mode_t kOwnerAll = 0700;

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity& other) const {
    return device == other.device && inode == other.inode;
  }
};

// A directory on the path from the tree's root to the one being emptied.
struct Level {
  std::string name;
  Identity identity;
  // Directories in it that are still to be emptied.
  std::vector<std::string> directories;
};

// Removes one tree. Only the deepest directory is open, and the parent is reached through a checked
// "..": a tree may be deeper than the limit of open files, or the stack.
class Remover {
 public:
  explicit Remover(std::string path) : path_(std::move(path)) {}

  // Empties and removes directory `name` of `parent`.
  absl::Status Remove(int parent, const std::string& name) {
    absl::Status status = Enter(parent, name);
    while (status.ok() && !levels_.empty()) {
      std::vector<std::string>& directories = levels_.back().directories;
      if (directories.empty()) {
        status = LeaveAndRemove(parent);
      } else {
        const std::string next = std::move(directories.back());
        directories.pop_back();
        status = Enter(current_.get(), next);
      }
    }
    return status;
  }

 private:
  absl::Status Error(int error, absl::string_view attempted, absl::string_view name) const {
    return absl::ErrnoToStatus(
        error, absl::StrCat("remove ", absl::Utf8SafeCHexEscape(path_), ": ", attempted, " \"",
                            absl::Utf8SafeCHexEscape(Where(name)), "\""));
  }

  std::string Where(absl::string_view name) const {
    std::string where;
    for (const Level& level : levels_) absl::StrAppend(&where, level.name, "/");
    absl::StrAppend(&where, name);
    return where;
  }

  // Makes it the current directory, removes its files and lists its directories.
  absl::Status Enter(int parent, const std::string& name) {
    // RESOLVE_NO_XDEV refuses every mount point, bind mounts of the same disk too.
    constexpr uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    Fd directory(OpenAt(parent, name, kFlags, 0, kResolve));
    if (!directory && errno == EACCES &&
        fchmodat(parent, name.c_str(), kOwnerAll, AT_SYMLINK_NOFOLLOW) == 0) {
      directory = Fd(OpenAt(parent, name, kFlags, 0, kResolve));
    }
    if (!directory) {
      if (errno == ENOENT) return absl::OkStatus();
      if (errno != EXDEV) return Error(errno, "open directory", name);
      return absl::FailedPreconditionError(absl::StrCat(
          "remove ", absl::Utf8SafeCHexEscape(path_), ": \"", absl::Utf8SafeCHexEscape(Where(name)),
          "\" is a mount point; unmount it first"));
    }
    struct stat status;
    if (fstat(directory.get(), &status) != 0) return Error(errno, "stat", name);
    // Without these its owner cannot empty it; root can, and for others it fails.
    if ((status.st_mode & kOwnerAll) != kOwnerAll) fchmod(directory.get(), kOwnerAll);
    current_ = std::move(directory);
    levels_.push_back(Level{name, {status.st_dev, status.st_ino}, {}});
    return RemoveFiles();
  }

  // Collects the names first: removing while reading skips entries on some file systems.
  absl::Status RemoveFiles() {
    std::vector<std::pair<std::string, bool>> entries;
    absl::Status status = List(entries);
    for (auto& [name, is_directory] : entries) {
      if (!status.ok()) return status;
      if (is_directory) {
        levels_.back().directories.push_back(std::move(name));
      } else if (unlinkat(current_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
        status = Error(errno, "unlink", name);
      }
    }
    return status;
  }

  absl::Status List(std::vector<std::pair<std::string, bool>>& entries) const {
    const int copy = fcntl(current_.get(), F_DUPFD_CLOEXEC, 0);
    DIR* const stream = copy < 0 ? nullptr : fdopendir(copy);
    if (stream == nullptr) {
      const int error = errno;
      if (copy >= 0) close(copy);
      return Error(error, "read directory", "");
    }
    errno = 0;
    while (const dirent* const entry = readdir(stream)) {
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") entries.emplace_back(name, IsDirectory(*entry));
      errno = 0;
    }
    const int error = errno;
    closedir(stream);
    return error == 0 ? absl::OkStatus() : Error(error, "read directory", "");
  }

  bool IsDirectory(const dirent& entry) const {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    struct stat status;
    return fstatat(current_.get(), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(status.st_mode);
  }

  // Returns to the parent directory and removes the one that was left.
  absl::Status LeaveAndRemove(int root) {
    const std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    int parent = root;
    if (!levels_.empty()) {
      Fd above(openat(current_.get(), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      struct stat status;
      if (!above || fstat(above.get(), &status) != 0) return Error(errno, "leave", name);
      if (!(Identity{status.st_dev, status.st_ino} == levels_.back().identity)) {
        return absl::AbortedError(absl::StrCat("remove ", absl::Utf8SafeCHexEscape(path_), ": \"",
                                               absl::Utf8SafeCHexEscape(Where(name)),
                                               "\" was moved during the removal; try again"));
      }
      current_ = std::move(above);
      parent = current_.get();
    }
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return Error(errno, "remove directory", name);
    }
    return absl::OkStatus();
  }

  const std::string path_;
  Fd current_;
  std::vector<Level> levels_;
};

// Everything before the last name, and the last name.
std::pair<std::string, std::string> Split(absl::string_view path) {
  while (path.size() > 1 && absl::ConsumeSuffix(&path, "/")) {
  }
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return {".", std::string(path)};
  return {std::string(path.substr(0, slash + 1)), std::string(path.substr(slash + 1))};
}

}  // namespace

absl::Status RemoveTree(const std::string& path) {
  const auto [parent_path, name] = Split(path);
  if (name.empty() || name == "." || name == ".." || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("remove \"", absl::Utf8SafeCHexEscape(path),
                     "\": this is not the name of something in a directory"));
  }
  const auto fail = [&path](int error) {
    return absl::ErrnoToStatus(error, absl::StrCat("remove ", absl::Utf8SafeCHexEscape(path)));
  };
  const Fd parent(open(parent_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status;
  if (!parent || fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : fail(errno);
  }
  if (S_ISDIR(status.st_mode)) return Remover(path).Remove(parent.get(), name);
  if (unlinkat(parent.get(), name.c_str(), 0) != 0 && errno != ENOENT) return fail(errno);
  return absl::OkStatus();
}

}  // namespace gitops
