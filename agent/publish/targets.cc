#include "agent/publish/targets.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "absl/strings/str_cat.h"
#include "common/path/beneath.h"

namespace gitops {
namespace {

std::string Describe(const std::string& path, const struct stat& stat) {
  if (S_ISLNK(stat.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    return absl::StrCat("a symlink to ",
                        absl::string_view(target, length < 0 ? 0 : static_cast<size_t>(length)));
  }
  if (S_ISDIR(stat.st_mode)) return "a directory";
  return S_ISREG(stat.st_mode) ? "a file" : "a special file";
}

bool IsKind(const struct stat& stat, bool file) {
  return file ? S_ISREG(stat.st_mode) : S_ISDIR(stat.st_mode);
}

absl::Status InTheWay(const std::string& path, absl::string_view what, bool file) {
  return absl::FailedPreconditionError(
      absl::StrCat("cannot publish a ", file ? "file" : "directory", " to ", path, ": ", what,
                   " is in the way; remove it, or correct this entry of `dirs`"));
}

}  // namespace

absl::StatusOr<Owner> LookUpOwner(const std::string& name) {
  if (name.empty()) return Owner{};
  std::vector<char> buffer(16 << 10);
  passwd entry = {};
  passwd* found = nullptr;
  ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "there is no user \"", name, "\", who is to own the files; create it, or change `user`"));
  }
  if (::geteuid() != 0) return Owner{};
  return Owner{entry.pw_uid, entry.pw_gid};
}

absl::Status GiveTo(int directory, const std::string& name, const Owner& owner) {
  if (owner.uid < 0) return absl::OkStatus();
  if (::fchownat(directory, name.c_str(), static_cast<uid_t>(owner.uid),
                 static_cast<gid_t>(owner.gid), AT_SYMLINK_NOFOLLOW) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot give ", name, " to uid ", owner.uid));
  }
  return absl::OkStatus();
}

absl::Status Targets::MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) {
    if (errno == EEXIST) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create the directory ", path));
  }
  created_.push_back(path);
  return GiveTo(AT_FDCWD, path, owner_);
}

absl::Status Targets::MakeFile(const std::string& path) {
  Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create the file ", path));
  }
  created_.push_back(path);
  return GiveTo(AT_FDCWD, path, owner_);
}

absl::Status Targets::CreateParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    absl::Status status = MakeDirectory(part);
    if (!status.ok()) return status;
    struct stat stat = {};
    if (::stat(part.c_str(), &stat) != 0 || !S_ISDIR(stat.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot publish to ", path, ": ", part, " is not a directory"));
    }
  }
  return absl::OkStatus();
}

absl::Status Targets::Create(const std::string& path, bool file) {
  absl::Status status = CreateParents(path);
  if (!status.ok()) return status;
  struct stat stat = {};
  if (::lstat(path.c_str(), &stat) == 0) {
    return IsKind(stat, file) ? absl::OkStatus() : InTheWay(path, Describe(path, stat), file);
  }
  if (errno != ENOENT) return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  return file ? MakeFile(path) : MakeDirectory(path);
}

absl::Status Targets::CreateBeneath(int root, const std::string& path, bool file) {
  constexpr int kResolve = RESOLVE_NO_SYMLINKS;
  absl::StatusOr<Fd> there = OpenBeneath(root, path, O_PATH | O_NOFOLLOW, 0, kResolve);
  if (there.ok()) {
    struct stat stat = {};
    if (::fstat(there->get(), &stat) == 0 && IsKind(stat, file)) return absl::OkStatus();
    return InTheWay(path, "something of another kind in the outer directory's revision", file);
  }
  if (!absl::IsNotFound(there.status())) {
    return InTheWay(path, "a symlink in the outer directory's revision", file);
  }
  if (const size_t slash = path.rfind('/'); slash != std::string::npos) {
    absl::Status status = CreateBeneath(root, path.substr(0, slash), /*file=*/false);
    if (!status.ok()) return status;
  }
  if (file) {
    absl::StatusOr<Fd> made = OpenBeneath(root, path, O_CREAT | O_EXCL | O_WRONLY, 0644, kResolve);
    if (!made.ok()) return made.status();
    if (owner_.uid >= 0 && ::fchown(made->get(), static_cast<uid_t>(owner_.uid),
                                    static_cast<gid_t>(owner_.gid)) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot set the owner of ", path));
    }
    return absl::OkStatus();
  }
  absl::StatusOr<Fd> made = MakeDirectoriesBeneath(root, path, 0755);
  if (!made.ok()) return made.status();
  const size_t slash = path.rfind('/');
  absl::StatusOr<Fd> parent = OpenBeneath(
      root, slash == std::string::npos ? "." : path.substr(0, slash), O_PATH, 0, kResolve);
  if (!parent.ok()) return parent.status();
  return GiveTo(parent->get(), slash == std::string::npos ? path : path.substr(slash + 1), owner_);
}

void Targets::RemoveCreated() {
  for (auto path = created_.rbegin(); path != created_.rend(); ++path) {
    struct stat stat = {};
    if (::lstat(path->c_str(), &stat) != 0) continue;
    if (S_ISDIR(stat.st_mode)) {
      ::rmdir(path->c_str());
    } else if (S_ISREG(stat.st_mode) && stat.st_size == 0) {
      ::unlink(path->c_str());
    }
  }
  created_.clear();
}

}  // namespace gitops
