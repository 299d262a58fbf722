#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_PAYLOAD_JSON_GUARD_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_PAYLOAD_JSON_GUARD_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

inline constexpr int kDeepestJson = 32;

// Whether `text` may be parsed as it is: one JSON value in UTF-8, nested at most kDeepestJson deep,
// every number within a double, no key twice in one object (parsers differ in which one they take).
// INVALID_ARGUMENT: what is wrong, and after how many bytes.
absl::Status CheckJson(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_PAYLOAD_JSON_GUARD_H_
