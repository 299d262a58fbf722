#ifndef GITOPS_AGENT_GIT_TREE_H_
#define GITOPS_AGENT_GIT_TREE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

inline constexpr uint32_t kTreeMode = 0040000;
inline constexpr uint32_t kFileMode = 0100644;
inline constexpr uint32_t kExecutableMode = 0100755;
inline constexpr uint32_t kSymlinkMode = 0120000;
inline constexpr uint32_t kSubmoduleMode = 0160000;

// One entry of a commit's tree, as git stores it. Untrusted.
struct TreeEntry {
  uint32_t mode = 0;
  std::string oid;
  std::string path;

  bool operator==(const TreeEntry&) const = default;
};

// The id of the tree in the content of a commit. FAILED_PRECONDITION: it has none.
absl::StatusOr<std::string> TreeOfCommit(absl::string_view commit, size_t id_length);

// Calls `visit` with each entry of the content of a tree, in its order; stops when it fails. `id`
// is lower-case hex of `id_length` digits; a name is not empty and has no NUL and no slash.
// FAILED_PRECONDITION: it is no tree; or the error of `visit`.
absl::Status ForEachEntry(
    absl::string_view tree, size_t id_length,
    absl::FunctionRef<absl::Status(uint32_t mode, absl::string_view name, std::string id)> visit);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TREE_H_
