#include "agent/revision/revision_directory.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/revision/revision_name.h"
#include "common/log/log.h"
#include "common/path/directory_names.h"
#include "common/path/open_at.h"
#include "common/path/trusted_directory.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

constexpr char kRemedy[] =
    "nothing in it is used, since others could have put it there: give it to root with mode 0755 "
    "and empty, remove it, or choose another `mount`";

// So long a walk counts: one poll, start or rollback uses a directory ten times.
constexpr std::chrono::seconds kTrustedFor(1);

}  // namespace

ServiceDirectory::ServiceDirectory(std::string path, StoreAccess access)
    : path_(std::move(path)), mode_(access == StoreAccess::kMounts ? 0700 : 0711) {}

std::string ServiceDirectory::PathOf(absl::string_view name) const {
  return name.empty() ? path_ : absl::StrCat(path_, "/", name);
}

absl::Status ServiceDirectory::Failed(int error, absl::string_view what,
                                      absl::string_view name) const {
  return FileStatus(error, absl::StrCat("cannot ", what, " ", PathOf(name)));
}

// The directory that was walked to a moment ago, if it is there still. One that was trusted with
// all above it cannot be replaced by others, and would have another inode.
Fd ServiceDirectory::OpenKnown() const {
  MutexLock lock(trusted_->mutex);
  if (std::chrono::steady_clock::now() - trusted_->at > kTrustedFor) return Fd();
  Fd root(OpenAt(AT_FDCWD, path_, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS));
  struct stat stat = {};
  const bool known = root && ::fstat(root.get(), &stat) == 0 && stat.st_dev == trusted_->device &&
                     stat.st_ino == trusted_->inode && IsTrustedOwner(stat.st_uid) &&
                     (stat.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  return known ? std::move(root) : Fd();
}

void ServiceDirectory::NoteTrusted(const Fd& root) const {
  struct stat stat = {};
  if (::fstat(root.get(), &stat) != 0) return;
  MutexLock lock(trusted_->mutex);
  trusted_->device = stat.st_dev;
  trusted_->inode = stat.st_ino;
  trusted_->at = std::chrono::steady_clock::now();
}

absl::StatusOr<Fd> ServiceDirectory::Walk(bool create, bool warn) const {
  if (!create) {
    if (Fd known = OpenKnown()) return known;
  }
  absl::StatusOr<TrustedDirectory> opened =
      OpenTrustedDirectory(path_, {.create = create, .remedy = kRemedy});
  if (!opened.ok()) return opened.status();
  if (create) {
    if (absl::Status status = SetMode(opened->fd); !status.ok()) return status;
  }
  if (warn && !opened->shared.empty()) {
    LogWarning(
        "revisions are in a directory that every account can write to, and that is often "
        "emptied by a clean-up job: choose another `mount`",
        {{"path", path_}, {"directory", opened->shared}});
  }
  NoteTrusted(opened->fd);
  return std::move(opened->fd);
}

absl::Status ServiceDirectory::SetMode(const Fd& root) const {
  struct stat stat = {};
  if (::fstat(root.get(), &stat) != 0) return Failed(errno, "stat", "");
  if ((stat.st_mode & 0777) == mode_ || stat.st_uid != ::geteuid()) return absl::OkStatus();
  // The descriptor is O_PATH, which fchmod refuses.
  if (::chmod(absl::StrCat("/proc/self/fd/", root.get()).c_str(), mode_) != 0) {
    return Failed(errno, "set the mode of", "");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ServiceDirectory::Names(const Fd& root) const {
  absl::StatusOr<std::vector<std::string>> names = DirectoryNames(root.get());
  if (names.ok()) return names;
  return absl::Status(names.status().code(), absl::StrCat(path_, ": ", names.status().message()));
}

absl::StatusOr<Fd> ServiceDirectory::OpenOwn(const Fd& root, const std::string& name) const {
  Fd directory(::openat(root.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat stat = {};
  if (!directory || ::fstat(directory.get(), &stat) != 0) return Failed(errno, "open", name);
  if (IsTrustedOwner(stat.st_uid)) return directory;
  return absl::FailedPreconditionError(absl::StrCat(PathOf(name), " belongs to another account (",
                                                    stat.st_uid, "), and is not used; remove it"));
}

absl::StatusOr<bool> ServiceDirectory::Has(const Fd& directory, const std::string& name) const {
  struct stat stat = {};
  if (::fstatat(directory.get(), name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return Failed(errno, "look for", name);
}

absl::StatusOr<std::string> ServiceDirectory::ReadFile(const Fd& root, const std::string& name,
                                                       size_t limit) const {
  const Fd file(::openat(root.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat stat = {};
  if (!file || ::fstat(file.get(), &stat) != 0) return Failed(errno, "open", name);
  if (!S_ISREG(stat.st_mode) || !IsTrustedOwner(stat.st_uid)) {
    return absl::FailedPreconditionError(
        absl::StrCat(PathOf(name), " is not a file of the agent; remove it"));
  }
  std::string text;
  char buffer[64 << 10];
  while (text.size() < limit) {
    const ssize_t length = ::read(file.get(), buffer, std::min(sizeof buffer, limit - text.size()));
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Failed(errno, "read", name);
    if (length == 0) break;
    text.append(buffer, static_cast<size_t>(length));
  }
  return text;
}

absl::Status ServiceDirectory::Flush(const Fd& directory) const {
  const Fd open(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open || ::syncfs(open.get()) != 0) {
    return Failed(errno, "flush to disk the file system of", "");
  }
  return absl::OkStatus();
}

absl::Status ServiceDirectory::MarkDurable(const Fd& root, const std::string& directory) const {
  absl::StatusOr<Fd> own = OpenOwn(root, directory);
  if (!own.ok()) return own.status();
  const Fd mark(
      ::openat(own->get(), kDurableName, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  return mark ? absl::OkStatus()
              : Failed(errno, "create", absl::StrCat(directory, "/", kDurableName));
}

}  // namespace gitops
