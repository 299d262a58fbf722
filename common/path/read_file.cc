#include "common/path/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/path/fd.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

constexpr size_t kReadAtATime = 64 << 10;

absl::Status Failed(const char* what, const std::string& name) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", EscapeText(name)));
}

// A guess: files of /proc have size 0.
size_t RoomFor(int file) {
  struct stat status = {};
  const bool known = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  return known ? std::min(static_cast<size_t>(status.st_size) + 1, size_t{16} << 20) : kReadAtATime;
}

}  // namespace

absl::StatusOr<std::string> ReadToEnd(int file, const std::string& name, size_t most) {
  std::string content;
  size_t size = 0;
  while (true) {
    if (size == content.size()) content.resize(size == 0 ? RoomFor(file) : 2 * size);
    const ssize_t count = ::read(file, content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("read", name);
    if (count == 0) break;
    size += static_cast<size_t>(count);
    if (size > most) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot read ", EscapeText(name), ": it is longer than ", most, " bytes"));
    }
  }
  content.resize(size);
  return content;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t most) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return Failed("open", path);
  return ReadToEnd(file.get(), path, most);
}

}  // namespace gitops
