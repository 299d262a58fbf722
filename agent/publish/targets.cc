#include "agent/publish/targets.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/account/lookup.h"
#include "common/path/beneath.h"
#include "common/path/directory_names.h"

namespace gitops {
namespace {

constexpr int kMaxSymlinks = 40;  // the kernel's limit
constexpr int kLook = O_PATH | O_NOFOLLOW | O_CLOEXEC;

std::string ReadLink(int symlink) {
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(symlink, "", target, sizeof target);
  return std::string(target, length < 0 ? 0 : static_cast<size_t>(length));
}

std::string Describe(int node, const struct stat& stat) {
  if (S_ISLNK(stat.st_mode)) return absl::StrCat("a symlink to ", ReadLink(node));
  if (S_ISDIR(stat.st_mode)) return "a directory";
  return S_ISREG(stat.st_mode) ? "a file" : "a special file";
}

// The names of a path, in reverse order.
std::vector<std::string> NamesOf(absl::string_view path) {
  std::vector<std::string> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  std::reverse(names.begin(), names.end());
  return names;
}

std::pair<std::string, std::string> Split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// The names of `symlink`'s target, if it may be followed.
absl::StatusOr<std::string> Follow(int symlink, const struct stat& stat, const std::string& name,
                                   const std::string& path) {
  if (stat.st_uid != 0 && stat.st_uid != ::geteuid()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cannot publish to ", path, ": \"", name, "\" is a symlink of uid ", stat.st_uid,
        ", who could redirect it; use a path without it, or let root create it"));
  }
  std::string target = ReadLink(symlink);
  if (target.empty()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read symlink ", name));
  return target;
}

bool IsEmptyDirectory(int directory) {
  absl::StatusOr<std::vector<std::string>> names = DirectoryNames(directory);
  return names.ok() && names->empty();
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
  const absl::StatusOr<UserAccount> found = LookUpUser(name);
  if (!found.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(found.status().message(),
                     ", the owner of the files; create the account, or change `user`"));
  }
  if (::geteuid() != 0) return Owner{};
  return Owner{found->uid, found->gid};
}

absl::StatusOr<Fd> Targets::Make(int directory, const std::string& name, const std::string& path,
                                 bool file) const {
  const auto failed = [&](absl::string_view what) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
  };
  constexpr int kNew = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
  if (!file && ::mkdirat(directory, name.c_str(), 0700) != 0) {
    return failed("create the directory");
  }
  if (!file && after_making) after_making(directory, name);
  Fd made(::openat(directory, name.c_str(),
                   file ? kNew : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return failed(file ? "create the file" : "open what was created:");
  if (file && after_making) after_making(directory, name);
  // A directory may have been replaced before it was opened, even by another of this process's
  // account.
  struct stat stat = {};
  if (::fstat(made.get(), &stat) != 0) return failed("stat");
  if (!file && (stat.st_uid != ::geteuid() || !IsEmptyDirectory(made.get()))) {
    return absl::AbortedError(absl::StrCat(path, " was replaced while it was created"));
  }
  if (owner_.uid >= 0 &&
      ::fchown(made.get(), static_cast<uid_t>(owner_.uid), static_cast<gid_t>(owner_.gid)) != 0) {
    return failed("set the owner of");
  }
  if (::fchmod(made.get(), file ? 0644 : 0755) != 0) return failed("set the mode of");
  return made;
}

absl::StatusOr<Fd> Targets::MakeAndNote(const Fd& directory, const std::string& name,
                                        const std::string& path, bool file) {
  absl::StatusOr<Fd> made = Make(directory.get(), name, path, file);
  if (!made.ok()) return made;
  Fd again(::openat(directory.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (again) created_.push_back({std::move(again), name});
  return made;
}

absl::StatusOr<Fd> Targets::Walk(const std::string& path) {
  Fd here(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::string> names = NamesOf(Split(path).first);
  size_t of_symlink =
      SIZE_MAX;  // while at least this many names are left, the current name comes from a symlink
  for (int symlinks = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    Fd next(::openat(here.get(), name.c_str(), kLook));
    struct stat stat = {};
    if (!next && errno == ENOENT && names.size() < of_symlink) {
      absl::StatusOr<Fd> made = MakeAndNote(here, name, path, /*file=*/false);
      if (!made.ok()) return made.status();
      here = *std::move(made);
      continue;
    }
    if (!next || ::fstat(next.get(), &stat) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot open \"", name, "\" of ", path));
    }
    if (S_ISDIR(stat.st_mode)) {
      here = std::move(next);
    } else if (S_ISLNK(stat.st_mode) && ++symlinks <= kMaxSymlinks) {
      absl::StatusOr<std::string> target = Follow(next.get(), stat, name, path);
      if (!target.ok()) return target.status();
      of_symlink = std::min(of_symlink, names.size());
      if (absl::StartsWith(*target, "/")) here = Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
      for (std::string& inner : NamesOf(*target)) names.push_back(std::move(inner));
    } else {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot publish to ", path, ": \"", name, "\" is not a directory"));
    }
  }
  return here;
}

absl::Status Targets::CreateParents(const std::string& path) { return Walk(path).status(); }

absl::Status Targets::Create(const std::string& path, bool file) {
  absl::StatusOr<Fd> directory = Walk(path);
  if (!directory.ok()) return directory.status();
  const std::string name = Split(path).second;
  Fd there(::openat(directory->get(), name.c_str(), kLook));
  struct stat stat = {};
  if (there && ::fstat(there.get(), &stat) == 0) {
    if (IsKind(stat, file)) return absl::OkStatus();
    return InTheWay(path, Describe(there.get(), stat), file);
  }
  if (errno != ENOENT) return absl::ErrnoToStatus(errno, absl::StrCat("cannot stat ", path));
  return MakeAndNote(*directory, name, path, file).status();
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
  const auto [above, name] = Split(path);
  if (above != ".") {
    absl::Status status = CreateBeneath(root, above, /*file=*/false);
    if (!status.ok()) return status;
  }
  absl::StatusOr<Fd> parent = OpenBeneath(root, above, O_PATH | O_DIRECTORY, 0, kResolve);
  if (!parent.ok()) return parent.status();
  return Make(parent->get(), name, path, file).status();
}

void Targets::RemoveCreated() {
  for (auto made = created_.rbegin(); made != created_.rend(); ++made) {
    const int directory = made->directory.get();
    struct stat stat = {};
    if (::fstatat(directory, made->name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(stat.st_mode)) {
      ::unlinkat(directory, made->name.c_str(), AT_REMOVEDIR);
    } else if (S_ISREG(stat.st_mode) && stat.st_size == 0) {
      ::unlinkat(directory, made->name.c_str(), 0);
    }
  }
  created_.clear();
}

}  // namespace gitops
