#ifndef GITOPS_COMMON_GIT_REFS_H_
#define GITOPS_COMMON_GIT_REFS_H_

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// A full object name as git prints it: 40 or 64 lower-case hex digits.
bool IsObjectId(absl::string_view text);

// OK if `branch` is a valid branch name by `git check-ref-format --branch`; patterns and options
// are not. INVALID_ARGUMENT says what is wrong.
absl::Status CheckBranch(absl::string_view branch);

// Parses the output of `git ls-remote` for the branches `refs`: the commit of each, or NOT_FOUND
// with the name of the upstream.
std::map<std::string, absl::StatusOr<std::string>> ParseRefs(absl::string_view upstream,
                                                             absl::string_view output,
                                                             const std::set<std::string>& refs);

}  // namespace gitops

#endif  // GITOPS_COMMON_GIT_REFS_H_
