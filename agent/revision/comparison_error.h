#ifndef GITOPS_AGENT_REVISION_COMPARISON_ERROR_H_
#define GITOPS_AGENT_REVISION_COMPARISON_ERROR_H_

#include <string>

#include "absl/strings/string_view.h"
#include "agent/revision/compare_tree.h"

namespace gitops {

// Whether the file's own access (mode, lease, type) causes this errno, and not the state of the
// host.
bool HiddenByItself(int error);

// Whether this errno says that what was there is gone, or of another type.
bool IsGone(int error);

// The difference of a tracked path where `attempt` ("opening it") failed with this errno, which is
// neither.
TreeDifference NotCompared(std::string path, absl::string_view attempt, int error);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_COMPARISON_ERROR_H_
