#ifndef GITOPS_COMMON_RPC_TRACE_H_
#define GITOPS_COMMON_RPC_TRACE_H_

#include <grpcpp/server_context.h>

#include <string>

namespace gitops {

// The caller's traceparent, from the metadata of that name; a new one if it sent none, or an
// invalid one.
std::string TraceparentOf(const grpc::ServerContext& context);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_TRACE_H_
