#ifndef GITOPS_GATEWAY_API_RPC_ACCESS_H_
#define GITOPS_GATEWAY_API_RPC_ACCESS_H_

#include "common/api/http_routes.h"
#include "gateway/front/front.h"

namespace gitops {

// What an RPC asks of the people who call it: as common/api/roles.cc says. An RPC that is missing
// there needs an admin.
Access AccessOf(const RpcRoute& route);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_RPC_ACCESS_H_
