#ifndef GITOPS_COMMON_JWT_STRICT_JSON_H_
#define GITOPS_COMMON_JWT_STRICT_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// A JSON object. INVALID_ARGUMENT: it is something else, is nested deeper than 16, or has a member
// twice, which other readers may take for another value.
absl::StatusOr<nlohmann::json> ParseStrictObject(absl::string_view text);

// Base64 for URLs without padding, as tokens and keys have it (RFC 7515). INVALID_ARGUMENT.
absl::StatusOr<std::string> DecodeBase64Url(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_JWT_STRICT_JSON_H_
