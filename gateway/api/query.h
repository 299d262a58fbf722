#ifndef GITOPS_GATEWAY_API_QUERY_H_
#define GITOPS_GATEWAY_API_QUERY_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The parameters of a query, decoded, in their order: NAME=VALUE, joined with '&'. "+" is a space.
// A name without '=' has an empty value. INVALID_ARGUMENT: a '%' without two hex digits; not UTF-8;
// a NUL character; more than 2,000 parameters.
using QueryParameters = std::vector<std::pair<std::string, std::string>>;
absl::StatusOr<QueryParameters> ParseQuery(absl::string_view query);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_QUERY_H_
