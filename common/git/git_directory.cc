#include "common/git/git_directory.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/path/fd.h"
#include "common/path/write_all.h"

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

// An access list, acl(5): of the group only this account may read, since the group may have other
// members.
std::string OnlyReader(int64_t uid) {
  const auto entry = [](uint16_t tag, uint16_t permissions, uint32_t id) {
    return posix_acl_xattr_entry{htole16(tag), htole16(permissions), htole32(id)};
  };
  const uint32_t none = ACL_UNDEFINED_ID;
  const std::array entries = {
      entry(ACL_USER_OBJ, ACL_READ, none), entry(ACL_USER, ACL_READ, static_cast<uint32_t>(uid)),
      entry(ACL_GROUP_OBJ, 0, none), entry(ACL_MASK, ACL_READ, none), entry(ACL_OTHER, 0, none)};
  const posix_acl_xattr_header header = {htole32(POSIX_ACL_XATTR_VERSION)};
  return absl::StrCat(
      absl::string_view(reinterpret_cast<const char*>(&header), sizeof(header)),
      absl::string_view(reinterpret_cast<const char*>(entries.data()), sizeof(entries)));
}

// True too where the file system has no access lists.
bool HasAccessList(const std::string& path, absl::string_view list) {
  std::array<char, 128> found;
  const ssize_t size =
      lgetxattr(path.c_str(), XATTR_NAME_POSIX_ACL_ACCESS, found.data(), found.size());
  if (size < 0) return errno == EOPNOTSUPP;
  return absl::string_view(found.data(), static_cast<size_t>(size)) == list;
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
  const std::string list = by_group ? OnlyReader(account.uid) : "";
  if (IsAsWanted(path, content, group, mode) && (!by_group || HasAccessList(path, list))) {
    return absl::OkStatus();
  }
  const std::string draft = path + ".new";
  unlink(draft.c_str());
  const Fd file(open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
  if (!file) return Failed("create", draft);
  if (WriteAll(file.get(), content) != 0) return Failed("write", draft);
  // Nobody else can write to the directory.
  if (fchown(file.get(), geteuid(), group) != 0) return Failed("change the group of", draft);
  if (fchmod(file.get(), mode) != 0) return Failed("change the mode of", draft);
  if (by_group &&
      fsetxattr(file.get(), XATTR_NAME_POSIX_ACL_ACCESS, list.data(), list.size(), 0) != 0 &&
      errno != EOPNOTSUPP) {
    return Failed("set the access list of", draft);
  }
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
