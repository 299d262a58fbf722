#include "agent/operation/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/account/lookup.h"
#include "common/path/fd.h"
#include "common/path/walk.h"

namespace gitops {
namespace {

constexpr char kTemporarySuffix[] = ".gitops-new";
constexpr size_t kReadAtATime = 64 << 10;

absl::Status Refuse(const SecretPlace& place, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("secret file ", place.destination, ": ", why));
}

absl::Status Errno(const SecretPlace& place, absl::string_view what) {
  return absl::ErrnoToStatus(errno,
                             absl::StrCat("secret file ", place.destination, ": cannot ", what));
}

// The error of an owner's lookup.
absl::Status OwnerError(const SecretPlace& place, const absl::Status& status) {
  const bool none = absl::IsNotFound(status);
  return absl::Status(none ? absl::StatusCode::kFailedPrecondition : status.code(),
                      absl::StrCat("secret file ", place.destination, ": ", status.message()));
}

absl::StatusOr<mode_t> ModeOf(const SecretPlace& place) {
  mode_t mode = 0;
  bool octal = !place.permissions.empty() && place.permissions.size() <= 5;
  for (char digit : place.permissions) {
    octal = octal && digit >= '0' && digit <= '7';
    mode = mode * 8 + static_cast<mode_t>(digit - '0');
  }
  if (octal && mode <= 07777) return mode;
  return absl::InvalidArgumentError(absl::StrCat("secret file ", place.destination,
                                                 ": permissions \"", place.permissions,
                                                 "\" are not octal (for example 0400)"));
}

// The open directory of the file, and its name there. What is made belongs to the owner of the
// directory it lies in, and is on disk.
absl::StatusOr<NameInDirectory> OpenPlace(const SecretPlace& place) {
  absl::Status flushed;
  WalkOptions options;
  options.attempt = absl::StrCat("secret file ", place.destination);
  options.follow_last = true;
  options.make_directories = place.make_directories;
  options.made = [&](int parent, const std::string& name) {
    const Fd synced(openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!synced || fsync(synced.get()) != 0) flushed.Update(Errno(place, "flush a new directory"));
  };
  absl::StatusOr<NameInDirectory> at = WalkToParent(place.destination, options);
  if (at.ok() && !flushed.ok()) return flushed;
  if (!absl::IsNotFound(at.status()) || place.make_directories) return at;
  return absl::NotFoundError(
      absl::StrCat(at.status().message(), "; create it, or set mk_dirs for this secret"));
}

// One name per destination, so that the next upload removes what a crash left, and agents with
// secrets in the same directory (several hosts tested on one machine) do not conflict.
std::string TemporaryName(const NameInDirectory& file) {
  const size_t room = NAME_MAX - 1 - absl::string_view(kTemporarySuffix).size();
  return absl::StrCat(".", absl::string_view(file.name).substr(0, room), kTemporarySuffix);
}

absl::Status CheckReplaceable(const SecretPlace& place, const NameInDirectory& file) {
  struct stat status;
  if (fstatat(file.directory.get(), file.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Errno(place, "stat it");
  }
  if (S_ISREG(status.st_mode)) return absl::OkStatus();
  return Refuse(place, S_ISDIR(status.st_mode) ? "it is a directory; give the path of a file in it"
                                               : "it is not a regular file");
}

absl::Status WriteAll(const SecretPlace& place, int fd, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Errno(place, "write it");
    content.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Only this account can read it until it has its owner and mode.
absl::Status WriteTemporary(const SecretPlace& place, const NameInDirectory& at, uid_t user,
                            gid_t group, mode_t mode, const Secret& content) {
  const std::string name = TemporaryName(at);
  const int directory = at.directory.get();
  if (unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) {
    // A read-only file system refuses before it looks for the file.
    return Errno(place, errno == EROFS ? "create a file in its directory"
                                       : "remove the file of an earlier attempt");
  }
  const Fd file(
      openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Errno(place, "create a file in its directory");
  absl::Status written = WriteAll(place, file.get(), content.Reveal());
  if (!written.ok()) return written;
  // The owner first: changing it clears mode bits.
  if (fchown(file.get(), user, group) != 0) return Errno(place, "set its owner");
  if (fchmod(file.get(), mode) != 0) return Errno(place, "set its permissions");
  if (fsync(file.get()) != 0) return Errno(place, "flush it to disk");
  return absl::OkStatus();
}

absl::Status Replace(const SecretPlace& place, const NameInDirectory& file) {
  const int directory = file.directory.get();
  if (renameat(directory, TemporaryName(file).c_str(), directory, file.name.c_str()) != 0) {
    return Errno(place, "rename it into place");
  }
  const Fd synced(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!synced || fsync(synced.get()) != 0) return Errno(place, "flush its directory to disk");
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteSecretFile(const SecretPlace& place, const Secret& content) {
  if (!absl::StartsWith(place.destination, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("secret file \"", place.destination, "\": its path is not absolute"));
  }
  const absl::StatusOr<uid_t> user = UserIdOf(place.owner_user);
  if (!user.ok()) return OwnerError(place, user.status());
  const absl::StatusOr<gid_t> group = GroupIdOf(place.owner_group);
  if (!group.ok()) return OwnerError(place, group.status());
  absl::StatusOr<mode_t> mode = ModeOf(place);
  if (!mode.ok()) return mode.status();
  absl::StatusOr<NameInDirectory> file = OpenPlace(place);
  if (!file.ok()) return file.status();
  absl::Status status = CheckReplaceable(place, *file);
  if (!status.ok()) return status;
  status = WriteTemporary(place, *file, *user, *group, *mode, content);
  if (status.ok()) status = Replace(place, *file);
  if (!status.ok()) unlinkat(file->directory.get(), TemporaryName(*file).c_str(), 0);
  return status;
}

absl::StatusOr<Secret> ReadSecretFile(const std::string& destination) {
  const SecretPlace place = {.destination = destination};
  const absl::StatusOr<NameInDirectory> at = OpenPlace(place);
  if (!at.ok()) return at.status();
  // An account that can write to the directory could create a link or a FIFO there meanwhile.
  const Fd file(openat(at->directory.get(), at->name.c_str(),
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return Errno(place, "open it");
  struct stat status;
  if (fstat(file.get(), &status) != 0) return Errno(place, "stat it");
  if (!S_ISREG(status.st_mode)) return Refuse(place, "it is not a regular file");
  std::string content;
  std::vector<char> room(kReadAtATime);
  while (content.size() <= kLongestSecretFile) {
    const ssize_t count = read(file.get(), room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno(place, "read it");
    if (count == 0) return Secret(std::move(content));
    content.append(room.data(), static_cast<size_t>(count));
  }
  return Refuse(place, absl::StrCat("it is longer than ", kLongestSecretFile, " bytes"));
}

}  // namespace gitops
