#ifndef GITOPS_AGENT_REVISION_UNTRACKED_FILES_H_
#define GITOPS_AGENT_REVISION_UNTRACKED_FILES_H_

#include <vector>

#include "absl/status/status.h"
#include "agent/revision/compare_tree.h"

namespace gitops {

// Appends the files beneath `root` that are not in the manifest, and directories that cannot be
// listed. Listed directory by directory, without a map of the tree: its owner may have made it
// huge. CANCELLED.
absl::Status FindUntracked(int root, const Manifest& manifest, const CompareOptions& options,
                           std::vector<TreeDifference>& differences);

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_UNTRACKED_FILES_H_
