#include "common/server/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/path/fd.h"

namespace gitops {
namespace {

// 0, or the error.
int WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

int FlushDirectory(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Fd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

absl::Status ReplaceFile(const std::string& path, absl::string_view text, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  int error = 0;
  {
    const Fd file(mkostemp(temporary.data(), O_CLOEXEC));
    if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", path));
    error = WriteAll(file.get(), text);
    if (error == 0 && fchmod(file.get(), mode) != 0) error = errno;
    if (error == 0 && fsync(file.get()) != 0) error = errno;
  }
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
  } else {
    error = FlushDirectory(path);
  }
  return error == 0 ? absl::OkStatus()
                    : absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
}

}  // namespace gitops
