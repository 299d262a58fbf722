#include "agent/operation/secret_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace gitops {
namespace {

constexpr int kMostLinks = 40;  // as the kernel
constexpr int kDirectoryMode = 0755;

// Walks from the root to a file, one component at a time.
class Walk {
 public:
  Walk(const std::string& path, bool make_directories)
      : path_(path), make_directories_(make_directories) {
    Prepend(path);
  }

  absl::StatusOr<FilePlace> Go() {
    if (absl::Status root = ToRoot(); !root.ok()) return root;
    while (!left_.empty()) {
      const std::string name = std::move(left_.front());
      left_.pop_front();
      // Checks the opened node itself, since its name may be replaced at any time.
      Fd node(openat(at_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!node && errno != ENOENT) return Errno(errno, "stat", name);
      struct stat status = {};
      if (node && fstat(node.get(), &status) != 0) return Errno(errno, "stat", name);
      absl::Status went;
      if (S_ISLNK(status.st_mode)) {
        went = Follow(name, node, status);
      } else if (left_.empty()) {
        return FilePlace{std::move(at_), name};
      } else {
        went = Enter(name, std::move(node), status);
      }
      if (!went.ok()) return went;
    }
    return Refuse("the path is a directory");
  }

 private:
  void Prepend(absl::string_view path) {
    std::deque<std::string> names;
    for (absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
      if (name != ".") names.emplace_back(name);
    }
    left_.insert(left_.begin(), names.begin(), names.end());
  }

  absl::Status ToRoot() {
    at_ = Fd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return at_ ? absl::OkStatus() : Errno(errno, "open", "/");
  }

  absl::Status Follow(const std::string& name, const Fd& node, const struct stat& link) {
    if (link.st_uid != 0 && link.st_uid != geteuid()) {
      return Refuse(absl::StrCat("\"", name, "\" is a symbolic link of user ", link.st_uid,
                                 ", who could redirect it"));
    }
    if (++links_ > kMostLinks) return Refuse("too many symbolic links");
    char target[PATH_MAX];
    const ssize_t length = readlinkat(node.get(), "", target, sizeof(target));
    if (length < 0) return Errno(errno, "read the link", name);
    const absl::string_view to(target, static_cast<size_t>(length));
    Prepend(to);
    return absl::StartsWith(to, "/") ? ToRoot() : absl::OkStatus();
  }

  absl::Status Enter(const std::string& name, Fd node, const struct stat& status) {
    if (!node) return EnterNew(name);
    if (!S_ISDIR(status.st_mode)) return Refuse(absl::StrCat("\"", name, "\" is not a directory"));
    at_ = std::move(node);
    return absl::OkStatus();
  }

  absl::Status EnterNew(const std::string& name) {
    if (!make_directories_) {
      return absl::NotFoundError(absl::StrCat("secret file ", path_, ": there is no directory \"",
                                              name,
                                              "\"; create it, or set mk_dirs for this secret"));
    }
    if (!Make(name)) return Errno(errno, "create the directory", name);
    Fd next(openat(at_.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next && errno == ENOTDIR) return Refuse(absl::StrCat("\"", name, "\" is not a directory"));
    if (!next) return Errno(errno, "open the directory", name);
    at_ = std::move(next);
    return absl::OkStatus();
  }

  bool Make(const std::string& name) {
    if (mkdirat(at_.get(), name.c_str(), kDirectoryMode) != 0) return errno == EEXIST;
    // Independent of the umask.
    Fd made(openat(at_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made || fchmod(made.get(), kDirectoryMode) != 0) return false;
    Fd parent(openat(at_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return parent && fsync(parent.get()) == 0;
  }

  absl::Status Refuse(const std::string& why) const {
    return absl::FailedPreconditionError(absl::StrCat("secret file ", path_, ": ", why));
  }
  absl::Status Errno(int error, absl::string_view what, const std::string& name) const {
    return absl::ErrnoToStatus(
        error, absl::StrCat("secret file ", path_, ": cannot ", what, " \"", name, "\""));
  }

  const std::string path_;
  const bool make_directories_;
  Fd at_;
  std::deque<std::string> left_;
  int links_ = 0;
};

}  // namespace

absl::StatusOr<FilePlace> OpenPlace(const std::string& path, bool make_directories) {
  return Walk(path, make_directories).Go();
}

}  // namespace gitops
