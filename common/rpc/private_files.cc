#include "common/rpc/private_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace gitops {

PrivateFiles::PrivateFiles(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    // A socket keeps the number; it cannot be opened by its path.
    const int held = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (held < 0) status_ = absl::ErrnoToStatus(errno, "cannot make files in memory");
    files_[name] = held;
  }
}

PrivateFiles::~PrivateFiles() {
  for (const auto& [name, file] : files_) close(file);
}

std::string PrivateFiles::Path(const std::string& name) const {
  return absl::StrCat("/proc/self/fd/", files_.at(name));
}

absl::Status PrivateFiles::Replace(const std::string& name, absl::string_view content) {
  if (!status_.ok()) return status_;
  const int file = memfd_create("gitops", MFD_CLOEXEC);
  if (file < 0) return absl::ErrnoToStatus(errno, "cannot make a file in memory");
  const absl::Cleanup close_file = [file] { close(file); };
  while (!content.empty()) {
    const ssize_t written = write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return absl::ErrnoToStatus(errno, "cannot write a file in memory");
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (dup3(file, files_.at(name), O_CLOEXEC) < 0) {
    return absl::ErrnoToStatus(errno, "cannot put a file in memory in its place");
  }
  return absl::OkStatus();
}

}  // namespace gitops
