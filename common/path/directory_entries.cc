#include "common/path/directory_entries.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/string_view.h"

namespace gitops {

absl::Status ForEachEntry(int directory, absl::FunctionRef<absl::Status(const dirent&)> visit) {
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const opened = again < 0 ? nullptr : ::fdopendir(again);
  if (opened == nullptr) {
    const int error = errno;
    if (again >= 0) ::close(again);
    // A directory that was removed while it was open cannot be opened again, and has no entries.
    return error == ENOENT ? absl::OkStatus() : absl::ErrnoToStatus(error, "open a directory");
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opened, ::closedir);
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) {
      return errno == 0 || errno == ENOENT ? absl::OkStatus()
                                           : absl::ErrnoToStatus(errno, "read a directory");
    }
    const absl::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (absl::Status status = visit(*entry); !status.ok()) return status;
  }
}

bool IsDirectory(int directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat stat = {};
  return ::fstatat(directory, entry.d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(stat.st_mode);
}

}  // namespace gitops
