#include "gateway/api/rpc_access.h"

#include "common/api/roles.h"

namespace gitops {

Access AccessOf(const RpcRoute& route) {
  const RpcRoles* const roles = RolesOf(*route.method);
  if (roles == nullptr) return Access::kAdmin;
  switch (roles->person) {
    case Role::kViewer:
      return Access::kViewer;
    case Role::kOperator:
      return Access::kOperator;
    case Role::kApprover:
      return Access::kApprover;
    default:
      return Access::kAdmin;
  }
}

}  // namespace gitops
