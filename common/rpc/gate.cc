#include "common/rpc/gate.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/api/limits.h"
#include "common/api/roles.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"
#include "common/rpc/user_metadata.h"

namespace gitops {
namespace {

absl::string_view Metadata(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return absl::string_view(found->second.data(), found->second.size());
}

}  // namespace

Principal PrincipalOf(const grpc::ServerContextBase& context) {
  return MakePrincipal(Metadata(context, kUserMetadata), Metadata(context, kOnBehalfOfMetadata),
                       context.peer());
}

absl::StatusOr<Principal> RpcGate::Admit(const grpc::ServerContextBase& context,
                                         const google::protobuf::Message& request) const {
  absl::StatusOr<Principal> caller = CallerOf(context);
  if (!caller.ok()) return caller;
  const absl::Status allowed =
      authorizer_ ? authorizer_(*caller, request)
                  : CheckRole(*caller->role, PrincipalText(*caller), *request.GetDescriptor());
  if (!allowed.ok()) return allowed;
  if (absl::Status limits = CheckLimits(request); !limits.ok()) return limits;
  if (absl::Status status = CheckSetFields(request); !status.ok()) return status;
  return caller;
}

absl::Status RpcGate::CheckCaller(const grpc::ServerContextBase& context) const {
  return CallerOf(context).status();
}

absl::StatusOr<Principal> RpcGate::CallerOf(const grpc::ServerContextBase& context) const {
  static const auto& open = *new Authenticator({});
  return (authenticator_ == nullptr ? open : *authenticator_).Identify(context);
}

absl::Status RpcGate::Full(CallKind kind) const {
  return MakeError(Reason::kTooManyCalls,
                   absl::StrCat("this server already has ", shares_.Of(kind),
                                " calls of this kind in progress; try again soon"));
}

}  // namespace gitops
