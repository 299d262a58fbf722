#ifndef GITOPS_AGENT_GIT_REFS_H_
#define GITOPS_AGENT_GIT_REFS_H_

#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// A full object name as git prints it: 40 or 64 lower-case hex digits.
bool IsObjectId(absl::string_view text);

// Whether git could have made a branch of this name; what could be mistaken for a pattern or an
// option is none.
bool IsBranchName(absl::string_view name);

// What `git ls-remote` printed, for the branches `refs`: the commit of each, or NOT_FOUND with the
// name of the upstream.
std::map<std::string, absl::StatusOr<std::string>> ParseRefs(absl::string_view upstream,
                                                             absl::string_view output,
                                                             const std::set<std::string>& refs);

}  // namespace gitops

#endif  // GITOPS_AGENT_GIT_REFS_H_
