#ifndef GITOPS_COMMON_GIT_COMMIT_H_
#define GITOPS_COMMON_GIT_COMMIT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// What people see of a commit, as its author wrote it: UTF-8 without control characters (see
// EscapeText).
struct CommitInfo {
  std::string hash;                        // empty: nothing is known
  std::string subject;                     // the first line of the message, at most 200 bytes
  std::string author;                      // without the address, at most 100 bytes
  absl::Time time = absl::InfinitePast();  // when it was committed; InfinitePast: it does not say

  bool operator==(const CommitInfo&) const = default;
};

// Reads the content of the commit object `hash`. What it lacks stays empty.
CommitInfo ParseCommit(absl::string_view hash, absl::string_view content);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_COMMIT_H_
