#include "common/path/walk.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/make_node.h"
#include "common/rpc/state_reason.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr int kMaxSymlinks = 40;  // the kernel's limit
constexpr int kTries = 100;

class Walker {
 public:
  Walker(const std::string& path, const WalkOptions& options, bool keep_last)
      : options_(options), keep_last_(keep_last), whole_path_(path) {}

  // The directory that was reached, and the last name if it is kept.
  absl::StatusOr<NameInDirectory> Go() {
    absl::Status status = Begin();
    while (status.ok() && !left_.empty()) {
      if (keep_last_ && left_.size() == 1 && !options_.follow_last) break;
      std::string name = std::move(left_.front());
      left_.pop_front();
      Fd node(::openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      const int error = node ? 0 : errno;
      struct stat stat = {};
      if (node && ::fstat(node.get(), &stat) != 0) return Error(errno, "stat", name);
      if (error != 0 && error != ENOENT) return Error(error, "open", name);
      if (node && S_ISLNK(stat.st_mode)) {
        status = Follow(name, node.get(), stat);
      } else if (keep_last_ && left_.empty()) {
        left_.push_front(std::move(name));
        break;
      } else {
        status = node ? Enter(name, std::move(node), stat) : Make(std::move(name));
      }
    }
    if (!status.ok()) return status;
    const std::string last = keep_last_ && !left_.empty() ? left_.front() : "";
    if (keep_last_ && (last.empty() || last == "..")) {
      return absl::InvalidArgumentError(
          absl::StrCat(options_.attempt, ": the path does not end in a name in a directory"));
    }
    return NameInDirectory{std::move(here_), last};
  }

 private:
  void Prepend(absl::string_view path) {
    std::deque<std::string> names;
    for (const absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
      if (name != ".") names.emplace_back(name);
    }
    left_.insert(left_.begin(), names.begin(), names.end());
  }

  absl::Status Begin() {
    left_.clear();
    Prepend(whole_path_);
    named_by_path_ = SIZE_MAX;
    symlinks_ = 0;
    return ToRoot();
  }

  absl::Status ToRoot() {
    Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat stat = {};
    if (!root || ::fstat(root.get(), &stat) != 0) return Error(errno, "open", "/");
    path_ = "/";
    return Arrive(std::move(root), stat);
  }

  absl::Status Arrive(Fd directory, const struct stat& stat) {
    here_ = std::move(directory);
    owner_ = stat.st_uid;
    return options_.check ? options_.check(path_, stat) : absl::OkStatus();
  }

  absl::Status Enter(const std::string& name, Fd node, const struct stat& stat) {
    if (!S_ISDIR(stat.st_mode)) return Refuse(name, "is not a directory");
    if (name == "..") {
      path_.resize(std::max<size_t>(path_.rfind('/'), 1));
    } else {
      absl::StrAppend(&path_, path_ == "/" ? "" : "/", name);
    }
    return Arrive(std::move(node), stat);
  }

  absl::Status Follow(const std::string& name, int symlink, const struct stat& stat) {
    // Where fs.protected_hardlinks is off, others can give root's symlinks further names.
    if (stat.st_nlink > 1 && !IsOurs(owner_)) {
      return Refuse(name, "is a symlink with several names in a directory of another account");
    }
    if (!IsOurs(stat.st_uid)) {
      return Refuse(name, absl::StrCat("is a symlink of uid ", stat.st_uid,
                                       ", who could redirect it; use a path without it, or let "
                                       "root create it"));
    }
    if (++symlinks_ > kMaxSymlinks) return Refuse(name, "is one of too many symlinks");
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(symlink, "", target, sizeof target);
    if (length <= 0) return Error(errno, "read the symlink", name);
    const absl::string_view to(target, static_cast<size_t>(length));
    named_by_path_ = std::min(named_by_path_, left_.size());
    Prepend(to);
    return absl::StartsWith(to, "/") ? ToRoot() : absl::OkStatus();
  }

  // Makes `name`, which is then walked to like what was there before.
  absl::Status Make(std::string name) {
    const bool of_symlink = left_.size() >= named_by_path_;
    if (!options_.make_directories || of_symlink) {
      return absl::NotFoundError(absl::StrCat(options_.attempt, ": there is no directory ",
                                              Quoted(name),
                                              of_symlink ? ", to which a symlink leads" : ""));
    }
    if (++tries_ > kTries) {
      return absl::AbortedError(
          absl::StrCat(options_.attempt, ": ", Quoted(name), " is removed again and again"));
    }
    absl::StatusOr<bool> made = MakeNode(here_.get(), name, NodeKind::kDirectory);
    // The directory that was reached has been removed.
    if (absl::IsNotFound(made.status())) return Begin();
    if (!made.ok()) {
      return WithStateReason(
          StateReasonOf(made.status()),
          absl::Status(made.status().code(),
                       absl::StrCat(options_.attempt, ": ", made.status().message())));
    }
    if (*made && options_.made) options_.made(here_.get(), name);
    left_.push_front(std::move(name));
    return absl::OkStatus();
  }

  static bool IsOurs(uid_t owner) { return owner == 0 || owner == ::geteuid(); }
  static std::string Quoted(absl::string_view name) {
    return absl::StrCat("\"", EscapeText(name), "\"");
  }
  absl::Status Refuse(absl::string_view name, absl::string_view why) const {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.attempt, ": ", Quoted(name), " ", why));
  }
  absl::Status Error(int error, absl::string_view what, absl::string_view name) const {
    return absl::ErrnoToStatus(
        error, absl::StrCat(options_.attempt, ": cannot ", what, " ", Quoted(name)));
  }

  const WalkOptions& options_;
  const bool keep_last_;
  const std::string& whole_path_;
  Fd here_;
  uid_t owner_ = 0;  // of here_
  std::string path_;
  std::deque<std::string> left_;
  // While at least this many names are left, the current one comes from a symlink.
  size_t named_by_path_ = SIZE_MAX;
  int symlinks_ = 0;
  int tries_ = 0;
};

absl::StatusOr<NameInDirectory> Walk(const std::string& path, const WalkOptions& options,
                                     bool keep_last) {
  if (!absl::StartsWith(path, "/") || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.attempt, ": \"", EscapeText(path), "\" is not an absolute path"));
  }
  return Walker(path, options, keep_last).Go();
}

}  // namespace

absl::StatusOr<NameInDirectory> WalkToParent(const std::string& path, const WalkOptions& options) {
  return Walk(path, options, /*keep_last=*/true);
}

absl::StatusOr<Fd> WalkToDirectory(const std::string& path, const WalkOptions& options) {
  absl::StatusOr<NameInDirectory> reached = Walk(path, options, /*keep_last=*/false);
  if (!reached.ok()) return reached.status();
  return std::move(reached->directory);
}

}  // namespace gitops
