#ifndef GITOPS_COMMON_PATH_WRITE_ALL_H_
#define GITOPS_COMMON_PATH_WRITE_ALL_H_

#include <unistd.h>

#include <cerrno>

#include "absl/strings/string_view.h"

namespace gitops {

// Writes all of `text`. Returns 0 or errno.
inline int WriteAll(int file, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace gitops

#endif  // GITOPS_COMMON_PATH_WRITE_ALL_H_
