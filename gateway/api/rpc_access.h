#ifndef GITOPS_GATEWAY_API_RPC_ACCESS_H_
#define GITOPS_GATEWAY_API_RPC_ACCESS_H_

#include "common/api/http_routes.h"
#include "gateway/front/front.h"

namespace gitops {

// What an RPC asks of its callers: one that only reads, a viewer; others as the table in
// rpc_access.cc says, which a test compares with the protos. An RPC that is missing there needs an
// admin.
Access AccessOf(const RpcRoute& route);

// Whether the table has the RPC.
bool HasAccessRow(const google::protobuf::MethodDescriptor& method);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_RPC_ACCESS_H_
