#ifndef GITOPS_COMMON_JSON_JSON_GUARD_H_
#define GITOPS_COMMON_JSON_JSON_GUARD_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

inline constexpr int kDeepestJson = 32;

// Checks that `text` is safe to parse: one JSON value in UTF-8, at most kDeepestJson levels, every
// number within a double, no key twice in one object (parsers differ in which one they use).
// INVALID_ARGUMENT says what is wrong, and at which byte.
absl::Status CheckJson(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_JSON_JSON_GUARD_H_
