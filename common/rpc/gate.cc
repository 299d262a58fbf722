#include "common/rpc/gate.h"

namespace gitops {

absl::StatusOr<Principal> RpcGate::Admit(const grpc::ServerContextBase& context,
                                         const google::protobuf::Message& request) const {
  Principal caller = PrincipalOf(context);
  if (authorizer_) {
    if (absl::Status allowed = authorizer_(caller, request); !allowed.ok()) return allowed;
  }
  return caller;
}

}  // namespace gitops
