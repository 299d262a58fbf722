#include "common/path/trusted_directory.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/path/walk.h"

namespace gitops {
namespace {

std::string NameOf(uid_t uid) {
  passwd account = {};
  passwd* found = nullptr;
  char buffer[16 << 10];
  if (::getpwuid_r(uid, &account, buffer, sizeof buffer, &found) != 0 || found == nullptr) {
    return absl::StrCat("the account with id ", uid);
  }
  return found->pw_name;
}

bool OthersMayWrite(const struct stat& stat) {
  const bool own_group = stat.st_gid == 0 || stat.st_gid == ::getegid();
  return (stat.st_mode & S_IWOTH) != 0 || ((stat.st_mode & S_IWGRP) != 0 && !own_group);
}

}  // namespace

bool IsTrustedOwner(uid_t uid) {
  if (uid == 0 || uid == ::geteuid()) return true;
  struct stat top = {};
  return ::stat("/", &top) == 0 && top.st_uid == uid;
}

absl::StatusOr<TrustedDirectory> OpenTrustedDirectory(const std::string& path,
                                                      const TrustedOptions& options) {
  TrustedDirectory opened;
  WalkOptions walk;
  walk.attempt = absl::StrCat("cannot use ", path);
  walk.make_directories = options.create;
  walk.check = [&](absl::string_view where, const struct stat& stat) {
    const auto refuse = [&](absl::string_view reason) {
      return absl::FailedPreconditionError(
          absl::StrCat(walk.attempt, ": ", where, " ", reason, "; ", options.remedy));
    };
    if (!IsTrustedOwner(stat.st_uid)) {
      return refuse(absl::StrCat("belongs to ", NameOf(stat.st_uid),
                                 ", who could put anything in its place"));
    }
    if (!OthersMayWrite(stat)) return absl::OkStatus();
    if ((stat.st_mode & S_ISVTX) == 0) {
      return refuse(
          absl::StrFormat("can be written to by other accounts (mode %04o)", stat.st_mode & 07777));
    }
    opened.shared = std::string(where);
    return absl::OkStatus();
  };
  absl::StatusOr<Fd> directory = WalkToDirectory(path, walk);
  if (!directory.ok()) return directory.status();
  opened.fd = *std::move(directory);
  return opened;
}

}  // namespace gitops
