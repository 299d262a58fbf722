#include "common/store/sqlite_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::string HolderOf(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof(text), 0);
  absl::string_view pid =
      absl::StripAsciiWhitespace(absl::string_view(text, size > 0 ? static_cast<size_t>(size) : 0));
  return pid.empty() ? "another process" : absl::StrCat("process ", pid);
}

// Only for the message of other processes, so a full disk is not a reason to fail.
void WriteHolder(int fd) {
  const std::string text = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(fd, 0) != 0) return;
  [[maybe_unused]] const ssize_t written = ::pwrite(fd, text.data(), text.size(), 0);
}

}  // namespace

absl::StatusOr<Fd> LockStoreFile(const std::string& path, bool exclusive) {
  const std::string lock_path = path + ".lock";
  Fd fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    const int error = errno;
    return absl::UnavailableError(absl::StrCat("open the lock ", lock_path, ": ",
                                               std::strerror(error),
                                               "; its directory must exist and be writable"));
  }
  // flock, not fcntl: the lock belongs to this open file, so a second Store in this process is
  // refused too, and closing another descriptor of the file does not release it.
  while (::flock(fd.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EWOULDBLOCK) {
      return absl::UnavailableError(absl::StrCat("lock ", lock_path, ": ", std::strerror(error)));
    }
    return absl::FailedPreconditionError(
        absl::StrCat("open store ", path, ": ", HolderOf(fd.get()), " is using it (it holds ",
                     lock_path, "); stop that process, or use another directory"));
  }
  WriteHolder(fd.get());
  return fd;
}

}  // namespace gitops
