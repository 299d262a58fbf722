#ifndef GITOPS_COMMON_JSON_JSON_TEXT_H_
#define GITOPS_COMMON_JSON_JSON_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/json/json.h"

namespace gitops {

// Parses `text`, which must be an object. Stops at a limit without building more. INVALID_ARGUMENT
// as in FromJson.
absl::StatusOr<Json> ParseJsonObject(absl::string_view text, const JsonLimits& limits);

// The start of a name from JSON, escaped, for messages.
std::string ShownName(absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_COMMON_JSON_JSON_TEXT_H_
