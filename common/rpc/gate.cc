#include "common/rpc/gate.h"

#include "common/api/limits.h"

namespace gitops {

absl::StatusOr<Principal> RpcGate::Admit(const grpc::ServerContextBase& context,
                                         const google::protobuf::Message& request) const {
  Principal caller = PrincipalOf(context);
  if (authorizer_) {
    if (absl::Status allowed = authorizer_(caller, request); !allowed.ok()) return allowed;
  }
  if (absl::Status limits = CheckLimits(request); !limits.ok()) return limits;
  return caller;
}

}  // namespace gitops
