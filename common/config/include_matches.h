#ifndef GITOPS_COMMON_CONFIG_INCLUDE_MATCHES_H_
#define GITOPS_COMMON_CONFIG_INCLUDE_MATCHES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Which paths a pattern of `include` names.
struct IncludeMatches {
  struct Path {
    std::string path;  // relative to the root
    // Was found by a glob, and so may be missing: it names what may be in a directory of a match.
    bool by_glob = false;
  };
  std::vector<Path> paths;               // in the order of names
  std::vector<std::string> directories;  // that were to be listed; "" is the root
};

// Appends what `pattern` names, as written in a file of `directory`, which is relative to `root`, a
// directory that is open. A glob of no match has none; a plain path is returned even if it does not
// exist. The last part may be anything; what leads to it must be directories without symbolic
// links. INVALID_ARGUMENT, PERMISSION_DENIED and others say what is wrong; `matches` has the
// directories then, too.
absl::Status MatchInclude(int root, absl::string_view directory, absl::string_view pattern,
                          IncludeMatches& matches);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_INCLUDE_MATCHES_H_
