#include "common/rpc/gate.h"

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {

absl::StatusOr<Principal> RpcGate::Admit(const grpc::ServerContextBase& context,
                                         const google::protobuf::Message& request) const {
  Principal caller = PrincipalOf(context);
  if (authorizer_) {
    if (absl::Status allowed = authorizer_(caller, request); !allowed.ok()) return allowed;
  }
  return caller;
}

absl::Status RpcGate::Full() const {
  return MakeError(Reason::kTooManyCalls, absl::StrCat("this server carries out ", most_calls_,
                                                       " calls already; try again soon"));
}

}  // namespace gitops
