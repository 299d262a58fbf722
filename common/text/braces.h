#ifndef GITOPS_COMMON_TEXT_BRACES_H_
#define GITOPS_COMMON_TEXT_BRACES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What the braces of `pattern` stand for, in the order in which it is written: `{a,b}` (may be
// nested), and ranges as in a shell: `{1..6}`, `{01..20}` with leading zeros, `{a..f}`, also
// downwards. A bracket expression and a character quoted with a backslash stay as they are. Takes
// time in proportion to the length of the result; not recursive. INVALID_ARGUMENT, without the
// pattern: "has a '{' that is never closed"; an open bracket; braces nested deeper than 16;
// RESOURCE_EXHAUSTED: more than `most` results.
absl::StatusOr<std::vector<std::string>> ExpandBraces(absl::string_view pattern, size_t most);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_BRACES_H_
