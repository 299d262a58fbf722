#include "common/path/trusted_directory.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

constexpr int kLook = O_PATH | O_NOFOLLOW | O_CLOEXEC;
constexpr int kMaxSymlinks = 40;

std::string NameOf(uid_t uid) {
  passwd account = {};
  passwd* found = nullptr;
  char buffer[16 << 10];
  if (::getpwuid_r(uid, &account, buffer, sizeof buffer, &found) != 0 || found == nullptr) {
    return absl::StrCat("the account with id ", uid);
  }
  return found->pw_name;
}

// The names of `path`, last first.
std::vector<std::string> ReversedNames(absl::string_view path) {
  std::vector<std::string> names;
  for (absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (name != ".") names.emplace_back(name);
  }
  std::reverse(names.begin(), names.end());
  return names;
}

class Walk {
 public:
  Walk(const std::string& path, const TrustedOptions& options)
      : path_(path), options_(options), left_(ReversedNames(path)) {}

  absl::StatusOr<TrustedDirectory> Run() {
    if (absl::Status status = Restart(); !status.ok()) return status;
    while (!left_.empty()) {
      const std::string name = std::move(left_.back());
      left_.pop_back();
      if (absl::Status status = Step(name); !status.ok()) return status;
    }
    return TrustedDirectory{std::move(here_), std::move(shared_)};
  }

 private:
  absl::Status Failed(absl::string_view what, const std::string& where) const {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", where));
  }

  absl::Status Refuse(absl::string_view where, absl::string_view reason) const {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot use ", path_, ": ", where, " ", reason, "; ", options_.remedy));
  }

  std::string Below(const std::string& name) const { return absl::StrCat(at_, "/", name); }

  absl::Status Restart() {
    here_ = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    at_.clear();
    struct stat stat = {};
    if (!here_ || ::fstat(here_.get(), &stat) != 0) return Failed("open", "/");
    return Enter(stat, "/");
  }

  absl::Status Step(const std::string& name) {
    const std::string where = Below(name);
    Fd next(::openat(here_.get(), name.c_str(), kLook));
    if (!next && errno == ENOENT && options_.create) {
      const mode_t mode = left_.empty() ? options_.last_mode : 0755;
      // Another thread may make it at the same time; what is there is checked in any case.
      if (::mkdirat(here_.get(), name.c_str(), mode) != 0 && errno != EEXIST) {
        return Failed("create", where);
      }
      next = Fd(::openat(here_.get(), name.c_str(), kLook));
    }
    struct stat stat = {};
    if (!next || ::fstat(next.get(), &stat) != 0) return Failed("open", where);
    if (S_ISLNK(stat.st_mode)) return Follow(next.get(), stat, where);
    if (!S_ISDIR(stat.st_mode)) return Refuse(where, "is not a directory");
    if (absl::Status status = Enter(stat, where); !status.ok()) return status;
    here_ = std::move(next);
    at_ = where;
    return absl::OkStatus();
  }

  absl::Status Enter(const struct stat& stat, const std::string& where) {
    if (!IsTrustedOwner(stat.st_uid)) {
      return Refuse(where, absl::StrCat("belongs to ", NameOf(stat.st_uid),
                                        ", who could put anything in its place"));
    }
    const bool group =
        (stat.st_mode & S_IWGRP) != 0 && stat.st_gid != 0 && stat.st_gid != ::getegid();
    if (!group && (stat.st_mode & S_IWOTH) == 0) return absl::OkStatus();
    if ((stat.st_mode & S_ISVTX) == 0) {
      return Refuse(where, absl::StrFormat("can be written to by other accounts (mode %04o)",
                                           stat.st_mode & 07777));
    }
    shared_ = where;
    return absl::OkStatus();
  }

  absl::Status Follow(int symlink, const struct stat& stat, const std::string& where) {
    if (!IsTrustedOwner(stat.st_uid)) {
      return Refuse(where, absl::StrCat("is a symlink of ", NameOf(stat.st_uid)));
    }
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(symlink, "", target, sizeof target);
    if (length < 0) return Failed("read the symlink", where);
    if (++symlinks_ > kMaxSymlinks) return Refuse(where, "is one of too many symlinks");
    const absl::string_view text(target, static_cast<size_t>(length));
    for (std::string& name : ReversedNames(text)) left_.push_back(std::move(name));
    return absl::StartsWith(text, "/") ? Restart() : absl::OkStatus();
  }

  const std::string& path_;
  const TrustedOptions& options_;
  std::vector<std::string> left_;  // the names still to enter, last first
  Fd here_;
  std::string at_;  // the path of here_; empty: "/"
  std::string shared_;
  int symlinks_ = 0;
};

}  // namespace

bool IsTrustedOwner(uid_t uid) {
  if (uid == 0 || uid == ::geteuid()) return true;
  struct stat top = {};
  return ::stat("/", &top) == 0 && top.st_uid == uid;
}

absl::StatusOr<TrustedDirectory> OpenTrustedDirectory(const std::string& path,
                                                      const TrustedOptions& options) {
  if (!absl::StartsWith(path, "/") || absl::StrContains(path, '\0')) {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  return Walk(path, options).Run();
}

}  // namespace gitops
