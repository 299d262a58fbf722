#ifndef GITOPS_GATEWAY_FRONT_PROBLEM_H_
#define GITOPS_GATEWAY_FRONT_PROBLEM_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/http/message.h"
#include "common/json/json.h"

namespace gitops {

// Errors as problem details (RFC 9457): application/problem+json with type, title, status, detail,
// and the API's `reason`, `metadata` and `violations`, whose fields are spelled as in the JSON of
// the request.

// The members alone, for errors within a stream. Not for OK.
Json ProblemJson(const absl::Status& error);

// The answer to an error of the API: the HTTP status of its reason (common/rpc/error.h), and
// Retry-After if it has a retry delay. Not for OK.
HttpServerResponse ProblemOf(const absl::Status& error);

// The answer to a request that the HTTP server refuses; fits HttpServerOptions::error_response.
HttpServerResponse ProblemFor(int status, absl::string_view detail);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_PROBLEM_H_
