#ifndef GITOPS_AGENT_GIT_TREE_WALK_H_
#define GITOPS_AGENT_GIT_TREE_WALK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/git/tree.h"

namespace gitops {

// Walks through the trees of commits, level by level, so that each level costs one request.

// Reads trees: calls `visit` once for each of `ids` (which are different), in any order, with its
// index and content, until that fails. DATA_LOSS: one is missing or damaged.
using VisitTree = absl::FunctionRef<absl::Status(size_t index, absl::string_view content)>;
using ReadTrees = std::function<absl::Status(const std::vector<std::string>& ids, VisitTree visit)>;

// The entries at and beneath `links` in the tree `root`, without directories, ordered by path.
// RESOURCE_EXHAUSTED: more than `max_files` files, or as many directories, or very long paths;
// FAILED_PRECONDITION: it has something that is no path; or the errors of `read`.
absl::StatusOr<std::vector<TreeEntry>> ListTree(const std::string& root,
                                                const std::vector<std::string>& links,
                                                int64_t max_files, const ReadTrees& read);

// Those of `links` that are not the same in the trees `a` and `b`: mode and id of the entry there.
// Only directories on the way to a link that differ are read.
absl::StatusOr<std::set<std::string>> ChangedLinks(const std::string& a, const std::string& b,
                                                   const std::set<std::string>& links,
                                                   const ReadTrees& read);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TREE_WALK_H_
