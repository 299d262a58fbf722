#ifndef GITOPS_AGENT_REVISION_COMPARE_TREE_H_
#define GITOPS_AGENT_REVISION_COMPARE_TREE_H_

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/revision/revision.h"

namespace gitops {

// A tracked file that differs from the manifest, a file that is not in the manifest, or a path that
// could not be compared.
struct TreeDifference {
  enum class Kind {
    kModified,
    kDeleted,
    // Its own mode, or what somebody made of it or holds on it (a lease), hides a tracked file:
    // that is a difference too, or a change could be hidden behind it.
    kUnreadable,
    kUntracked,
    // No difference: for lack of descriptors or memory, or because of a faulty disk, nothing is
    // known about it. The rest was compared.
    kNotCompared,
  };
  Kind kind = Kind::kModified;
  std::string path;    // relative to the revision's directory; any bytes
  std::string detail;  // "content", "mode 0755 instead of 0644", "is a directory"…; UTF-8
  // Above 0: this stands for so many untracked files that are not listed (`detail`: "at least").
  int64_t unlisted = 0;

  bool operator==(const TreeDifference&) const = default;
};

struct CompareOptions {
  bool with_untracked = false;
  // Hash all files. Otherwise one with the stat fields of the manifest counts as unchanged.
  bool read_all = false;
  // Untracked files are listed up to so many bytes of paths; others are only counted.
  size_t most_listed_bytes = 1 << 20;
  std::stop_token stop;
};

// Compares `directory` (a revision's directory) with its manifest; the differences are ordered by
// path. Does not follow symlinks or cross mount points. Holds three descriptors at most, and the
// memory is bounded, whatever is in the directory. CANCELLED: by `stop`, soon. No other error of a
// single path ends the comparison.
absl::StatusOr<std::vector<TreeDifference>> CompareTree(int directory, const Manifest& manifest,
                                                        const CompareOptions& options = {});
// The same by path. Errors also of open(2).
absl::StatusOr<std::vector<TreeDifference>> CompareTree(const std::string& directory,
                                                        const Manifest& manifest,
                                                        const CompareOptions& options = {});

}  // namespace gitops

#endif  // GITOPS_AGENT_REVISION_COMPARE_TREE_H_
