#include "common/rpc/gate.h"

#include "absl/strings/str_cat.h"
#include "common/api/limits.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"

namespace gitops {

absl::StatusOr<Principal> RpcGate::Admit(const grpc::ServerContextBase& context,
                                         const google::protobuf::Message& request) const {
  Principal caller = PrincipalOf(context);
  if (authorizer_) {
    if (absl::Status allowed = authorizer_(caller, request); !allowed.ok()) return allowed;
  }
  if (absl::Status limits = CheckLimits(request); !limits.ok()) return limits;
  if (absl::Status status = CheckSetFields(request); !status.ok()) return status;
  return caller;
}

absl::Status RpcGate::Full() const {
  return MakeError(Reason::kTooManyCalls, absl::StrCat("this server already has ", most_calls_,
                                                       " calls in progress; try again soon"));
}

}  // namespace gitops
