#ifndef GITOPS_SERVICES_PLANNER_RPC_TRACEPARENT_H_
#define GITOPS_SERVICES_PLANNER_RPC_TRACEPARENT_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// W3C trace context, version 00: "00-TRACE-SPAN-FLAGS" in lower-case hex, not all zeros.
bool IsTraceparent(absl::string_view text);

// The caller's, from the metadata of that name; a new one where it sent none, or none that is
// right.
std::string TraceparentOf(const grpc::ServerContext& context);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_TRACEPARENT_H_
