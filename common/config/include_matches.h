#ifndef GITOPS_COMMON_CONFIG_INCLUDE_MATCHES_H_
#define GITOPS_COMMON_CONFIG_INCLUDE_MATCHES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Which paths a pattern of `include` names.
struct IncludeMatches {
  std::vector<std::string> paths;        // relative to the root, in the order of names
  std::vector<std::string> directories;  // that were listed, or are missing; "" is the root
};

// `pattern` as written in a file of `directory`, which is relative to `root`, a directory that is
// open. A glob of no match has none; a plain path is returned even if it does not exist. The last
// part may be anything; what leads to it must be directories without symbolic links.
// INVALID_ARGUMENT, PERMISSION_DENIED and others say what is wrong.
absl::StatusOr<IncludeMatches> MatchInclude(int root, absl::string_view directory,
                                            absl::string_view pattern);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_INCLUDE_MATCHES_H_
