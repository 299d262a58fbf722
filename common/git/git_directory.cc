#include "common/git/git_directory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

// Others have search permission, so that git can run as another account, but cannot list it.
absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  for (size_t slash = 1; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return Failed("create", part);
  }
  return absl::OkStatus();
}

absl::Status CheckPassable(const std::string& path, const Account& account) {
  for (size_t slash = 1; slash != std::string::npos;) {
    slash = path.find('/', slash + 1);
    const std::string part = path.substr(0, slash);
    struct stat stat {};
    if (::stat(part.c_str(), &stat) != 0) return Failed("stat", part);
    // The group may be a supplementary group of the account: refuse only what is certainly closed.
    const mode_t bit = stat.st_uid == account.uid ? S_IXUSR : (S_IXGRP | S_IXOTH);
    if ((stat.st_mode & bit) != 0) continue;
    return absl::FailedPreconditionError(absl::StrFormat(
        "git runs as %s, which has no search permission on %s (mode %04o); chmod o+x it",
        account.name, part, stat.st_mode & 07777));
  }
  return absl::OkStatus();
}

bool IsAsWanted(const std::string& path, absl::string_view content, gid_t group, mode_t mode) {
  struct stat stat {};
  if (lstat(path.c_str(), &stat) != 0 || !S_ISREG(stat.st_mode) || stat.st_uid != geteuid() ||
      stat.st_gid != group || (stat.st_mode & 07777) != mode) {
    return false;
  }
  std::ifstream file(path);
  std::ostringstream found;
  found << file.rdbuf();
  return found.str() == content;
}

}  // namespace

GitPaths::GitPaths(const std::string& directory)
    : directory(directory),
      repository(absl::StrCat(directory, "/repository.git")),
      work_tree(absl::StrCat(directory, "/tree")),
      config(absl::StrCat(directory, "/gitconfig")),
      credentials(absl::StrCat(directory, "/credentials")),
      home(absl::StrCat(directory, "/home")),
      work_tree_template(absl::StrCat(directory, "/template")) {}

absl::Status MakeGitDirectory(const GitPaths& paths, const Account& account) {
  if (auto status = MakeDirectories(paths.home, 0711); !status.ok()) return status;
  // Earlier versions kept the login there, and git would offer it to every port of the host.
  const std::string netrc = paths.home + "/.netrc";
  if (unlink(netrc.c_str()) != 0 && errno != ENOENT) return Failed("remove", netrc);
  if (account.uid < 0) return absl::OkStatus();
  // This process's umask must not lock the account out of the new directory.
  const std::string parent = paths.directory.substr(0, paths.directory.rfind('/'));
  for (const std::string& directory : {parent, paths.directory, paths.home}) {
    if (chmod(directory.c_str(), 0711) != 0) return Failed("change the mode of", directory);
  }
  return CheckPassable(paths.home, account);
}

absl::Status MakeTemplate(const GitPaths& paths, absl::string_view attributes,
                          const Account& account) {
  const std::string info = paths.work_tree_template + "/info";
  if (auto status = MakeDirectories(info, 0755); !status.ok()) return status;
  for (const std::string& directory : {paths.work_tree_template, info}) {
    if (chmod(directory.c_str(), 0755) != 0) return Failed("change the mode of", directory);
  }
  return WriteOwnFile(info + "/attributes", attributes, FileFor::kEverybody, account);
}

absl::Status WriteOwnFile(const std::string& path, absl::string_view content, FileFor readers,
                          const Account& account) {
  const bool by_group = readers == FileFor::kAccount && account.gid >= 0;
  const gid_t group = by_group ? static_cast<gid_t>(account.gid) : getegid();
  const mode_t mode = readers == FileFor::kEverybody ? 0444 : by_group ? 0440 : 0400;
  if (IsAsWanted(path, content, group, mode)) return absl::OkStatus();
  const std::string draft = path + ".new";
  unlink(draft.c_str());
  const Fd file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
  if (!file) return Failed("create", draft);
  for (absl::string_view rest = content; !rest.empty();) {
    const ssize_t written = write(file.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", draft);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  // Nobody else can write to the directory.
  if (fchown(file.get(), geteuid(), group) != 0) return Failed("change the group of", draft);
  if (fchmod(file.get(), mode) != 0) return Failed("change the mode of", draft);
  if (rename(draft.c_str(), path.c_str()) != 0) return Failed("write", path);
  return absl::OkStatus();
}

absl::Status MakeAccountDirectory(const std::string& path, const Account& account) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failed("create", path);
  const Fd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return Failed("open", path);
  if (account.uid >= 0 && fchown(directory.get(), static_cast<uid_t>(account.uid),
                                 static_cast<gid_t>(account.gid)) != 0) {
    return Failed("change the owner of", path);
  }
  return absl::OkStatus();
}

}  // namespace gitops
