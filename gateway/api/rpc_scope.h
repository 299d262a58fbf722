#ifndef GITOPS_GATEWAY_API_RPC_SCOPE_H_
#define GITOPS_GATEWAY_API_RPC_SCOPE_H_

#include "common/api/http_routes.h"

namespace gitops {

// What a token that is limited to hosts may do with an RPC.
enum class RpcScope {
  // Nothing: the RPC is not about hosts, or its answer cannot be limited to some.
  kRefused,
  // Call it for a host of its scope: `host` in the path.
  kHost,
  // Call it with a `selection`, which is narrowed to the scope.
  kSelection,
  // The same, for a change: its selection must narrow the fleet, or say `all`.
  kChange,
  // Call it for a plan (`token`) or a deployment (`id`) all of whose hosts are in the scope.
  kPlan,
  kDeployment,
  // CreatePlan, CreateDeployment: `spec.selection` is narrowed, and what the select hooks make of
  // it
  // must still be in the scope.
  kNewPlan,
  kNewDeployment,
};

// From the table in rpc_scope.cc. An RPC that is missing there is refused.
RpcScope ScopeOf(const RpcRoute& route);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_RPC_SCOPE_H_
