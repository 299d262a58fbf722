#ifndef GITOPS_GATEWAY_API_RPC_REQUEST_H_
#define GITOPS_GATEWAY_API_RPC_REQUEST_H_

#include <google/protobuf/message.h>

#include <memory>

#include "absl/status/statusor.h"
#include "common/api/http_routes.h"
#include "common/http/message.h"

namespace gitops {

// The request of an RPC from an HTTP request that matches its route: from the path, the query or
// the body; `request_id` from Idempotency-Key, and `resume_token` from Last-Event-ID.
//
// INVALID_ARGUMENT, with the field as JSON spells it: a malformed or unknown query parameter (the
// message has the nearest one); a parameter twice that is not repeated; a body that FromJson
// refuses, or that sets a field of the path; a key that differs from the body's requestId.
absl::StatusOr<std::unique_ptr<google::protobuf::Message>> ReadRpcRequest(
    const RpcMatch& match, const HttpServerRequest& http);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_RPC_REQUEST_H_
