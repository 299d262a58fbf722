#ifndef GITOPS_AGENT_REVISION_COMPARISON_ERROR_H_
#define GITOPS_AGENT_REVISION_COMPARISON_ERROR_H_

#include <cerrno>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/revision/compare_tree.h"

namespace gitops {

// Whether this errno says that what was there is gone, or of another type.
inline bool IsGone(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

// The difference of a path where `attempt` ("opening it") failed with this errno, which says
// nothing about the path.
inline TreeDifference NotCompared(std::string path, absl::string_view attempt, int error) {
  return {TreeDifference::Kind::kNotCompared, std::move(path),
          std::string(absl::ErrnoToStatus(error, attempt).message())};
}

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_COMPARISON_ERROR_H_
