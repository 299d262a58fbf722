#include "common/rpc/gate.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/api/limits.h"
#include "common/api/roles.h"
#include "common/rpc/authenticator.h"
#include "common/rpc/error.h"
#include "common/rpc/local_callers.h"
#include "common/rpc/request_checks.h"
#include "common/rpc/user_metadata.h"

namespace gitops {
namespace {

absl::string_view Metadata(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return absl::string_view(found->second.data(), found->second.size());
}

// Tells a caller over plain TCP, who is a viewer on any account, what to do.
absl::Status WithRemedy(const Principal& caller, const absl::Status& refused) {
  if (caller.authentication != Principal::Authentication::kNone) return refused;
  return WithMessage(
      refused, absl::StrCat(refused.message(),
                            "; plain text over TCP does not show who calls: use the unix socket "
                            "of the program, or --tls-dir on both sides, or let everyone do "
                            "everything with --insecure on the server"));
}

}  // namespace

Principal PrincipalOf(const grpc::ServerContextBase& context) {
  const absl::string_view user = Metadata(context, kUserMetadata);
  const absl::string_view on_behalf_of = Metadata(context, kOnBehalfOfMetadata);
  const std::string peer = context.peer();
  const std::optional<LocalCaller> local = LocalCallers::OfProcess().Find(peer);
  if (!local.has_value()) return MakePrincipal(user, on_behalf_of, peer);
  Principal caller = LocalPrincipal(user, on_behalf_of, local->uid, local->name);
  caller.groups.assign(local->groups.begin(), local->groups.end());
  return caller;
}

absl::StatusOr<Principal> RpcGate::Admit(const grpc::ServerContextBase& context,
                                         const google::protobuf::Message& request) const {
  absl::StatusOr<Principal> caller = CallerOf(context);
  const absl::Status allowed = caller.ok() ? Check(*caller, request) : caller.status();
  if (allowed.ok()) return caller;
  audit_.Refused(caller.ok() ? *caller : PrincipalOf(context), request, allowed);
  return allowed;
}

absl::Status RpcGate::Check(const Principal& caller,
                            const google::protobuf::Message& request) const {
  const absl::Status allowed =
      authorizer_ ? authorizer_(caller, request)
                  : CheckRole(*caller.role, PrincipalText(caller), *request.GetDescriptor());
  if (!allowed.ok()) return WithRemedy(caller, allowed);
  if (absl::Status limits = CheckLimits(request); !limits.ok()) return limits;
  return CheckSetFields(request);
}

absl::Status RpcGate::CheckCaller(const grpc::ServerContextBase& context) const {
  return CallerOf(context).status();
}

absl::StatusOr<Principal> RpcGate::CallerOf(const grpc::ServerContextBase& context) const {
  static const auto& open = *new Authenticator({});
  return (authenticator_ == nullptr ? open : *authenticator_).Identify(context);
}

absl::Status RpcGate::Full(CallKind kind, const grpc::ServerContextBase& context,
                           const google::protobuf::Message& request) const {
  const absl::Status full =
      MakeError(Reason::kTooManyCalls, absl::StrCat("this server already has ", shares_.Of(kind),
                                                    " calls of this kind in progress; try again "
                                                    "soon"));
  const absl::StatusOr<Principal> caller = CallerOf(context);
  audit_.Refused(caller.ok() ? *caller : PrincipalOf(context), request, full);
  return full;
}

}  // namespace gitops
