#ifndef GITOPS_CTL_GATEWAY_REST_REQUEST_H_
#define GITOPS_CTL_GATEWAY_REST_REQUEST_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/api/http_routes.h"
#include "common/http/client.h"

namespace gitops::ctl {

// The HTTP form of calls of the API, as a client of the gateway needs it.

struct RestRequest {
  std::string method;  // "GET" or "POST"
  std::string target;  // path and query
  std::string body;    // JSON; empty: none
};

// `host`: whose agent is called; empty: the call is none of an agent. INVALID_ARGUMENT: a field of
// the path is empty or has a '/', so that no path can name it.
absl::StatusOr<RestRequest> ToRest(const RpcRoute& route, const google::protobuf::Message& request,
                                   const std::string& host = "");

// The error of an answer that is no success, from its problem details; of another body, a message
// with the status and the first bytes.
absl::Status ErrorOf(const HttpResponse& response);
// The error in a problem details object.
absl::Status ErrorOfProblem(absl::string_view json, int http_status);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_GATEWAY_REST_REQUEST_H_
