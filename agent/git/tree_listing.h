#ifndef GITOPS_AGENT_GIT_TREE_LISTING_H_
#define GITOPS_AGENT_GIT_TREE_LISTING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
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

// Parses the output of `git ls-tree -r -t -z` incrementally, so that a tree that expands to
// millions of entries needs no more memory than the limit allows.
class TreeListingParser {
 public:
  // The maximum number of entries, separately for directories and for files.
  explicit TreeListingParser(int64_t max_entries) : max_entries_(max_entries) {}

  // RESOURCE_EXHAUSTED: over the limit; INTERNAL: not such a listing.
  absl::Status Add(absl::string_view output);

  // All entries except directories, in git's order.
  std::vector<TreeEntry> Take() { return std::move(entries_); }

 private:
  absl::Status AddRecord(absl::string_view record);

  const int64_t max_entries_;
  int64_t directories_ = 0;
  std::string partial_;
  std::vector<TreeEntry> entries_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_TREE_LISTING_H_
