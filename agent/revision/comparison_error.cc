#include "agent/revision/comparison_error.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gitops {

bool HiddenByItself(int error) {
  return error == EACCES || error == EPERM || error == EWOULDBLOCK || error == ELOOP ||
         error == ENXIO || error == EISDIR;
}

bool IsGone(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

TreeDifference NotCompared(std::string path, absl::string_view attempt, int error) {
  return {TreeDifference::Kind::kNotCompared, std::move(path),
          std::string(absl::ErrnoToStatus(error, attempt).message())};
}

}  // namespace gitops
