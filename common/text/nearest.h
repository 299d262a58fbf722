#ifndef GITOPS_COMMON_TEXT_NEAREST_H_
#define GITOPS_COMMON_TEXT_NEAREST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops {

// The element of `known` that `word` was most likely meant to be, or empty if none is near (more
// than a third of its letters differ).
std::string Nearest(absl::string_view word, const std::vector<std::string>& known);

// ` (did you mean "branch"?)`. If no known word is near: ` (known: branch, mount)`, or "" if the
// message lists them anyway.
std::string Suggestion(absl::string_view word, const std::vector<std::string>& known,
                       bool list_known = true);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_NEAREST_H_
