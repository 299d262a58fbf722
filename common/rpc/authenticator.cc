#include "common/rpc/authenticator.h"

#include <grpc/grpc_security_constants.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/api/roles.h"
#include "common/rpc/error.h"
#include "common/rpc/gate.h"
#include "common/rpc/user_metadata.h"

namespace gitops {
namespace {

// More than there are agents and people; each has about 2 KiB.
constexpr size_t kMaxKept = 20'000;
// As names of callers without a certificate.
constexpr size_t kMaxName = 100;

absl::string_view Metadata(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return "";
  return absl::string_view(found->second.data(), found->second.size());
}

std::string Property(const grpc::AuthContext& context, const char* name) {
  const std::vector<grpc::string_ref> found = context.FindPropertyValues(name);
  return found.empty() ? "" : std::string(found[0].data(), found[0].size());
}

// The client's own certificate and those that lead to its authority. Empty: no TLS.
std::string CertificatesOf(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> connection = context.auth_context();
  if (connection == nullptr) return "";
  std::string own = Property(*connection, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (own.empty()) return own;
  return own + Property(*connection, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME);
}

bool IsLocal(const Principal& caller) {
  return caller.authentication == Principal::Authentication::kUnixSocket;
}

bool CallsForOthers(Role role) {
  return role == Role::kPlanner || role == Role::kPromotionReceiver || role == Role::kGateway;
}

absl::Status Unauthenticated(const grpc::ServerContextBase& context, absl::string_view why) {
  return MakeError(Reason::kUnauthenticated, absl::StrCat("refused the caller at ", context.peer(),
                                                          ": the certificate ", why));
}

// The role of the person for whom `caller` calls counts.
absl::Status TakeRoleOfPerson(absl::string_view name, Principal& caller) {
  if (name.empty()) return absl::OkStatus();
  const std::optional<Role> role = ParseRole(name);
  if (role.has_value() && IsPerson(*role)) {
    caller.role = role;
    if (!caller.on_behalf_of.empty()) caller.on_behalf_of_role = role;
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat(PrincipalText(caller), " calls for a person whose role is none of a person's (",
                   kOnBehalfOfRoleMetadata, ")"));
}

}  // namespace

absl::StatusOr<Principal> Authenticator::Identify(const grpc::ServerContextBase& context) const {
  const std::string certificates = CertificatesOf(context);
  absl::StatusOr<Principal> caller =
      certificates.empty() ? FromPlain(context) : FromTls(context, certificates);
  if (!caller.ok()) return caller;
  const bool proven = caller->authentication == Principal::Authentication::kTls;
  const bool passes_roles =
      proven ? caller->role == Role::kGateway : IsLocal(*caller) || options_.believes_plain;
  if (passes_roles) {
    const absl::Status taken =
        TakeRoleOfPerson(Metadata(context, kOnBehalfOfRoleMetadata), *caller);
    if (!taken.ok()) return taken;
  }
  return caller;
}

absl::StatusOr<Principal> Authenticator::FromTls(const grpc::ServerContextBase& context,
                                                 const std::string& certificates) const {
  const Chain chain = Read(certificates);
  if (!chain->ok()) return Unauthenticated(context, chain->status().message());
  const absl::StatusOr<Identity>& identity = (*chain)->front().identity;
  if (!identity.ok()) return Unauthenticated(context, identity.status().message());
  if (identity->name.size() > kMaxName) {
    return Unauthenticated(context, absl::StrCat("has a name of more than ", kMaxName, " bytes"));
  }
  const absl::Status revoked = options_.revoked ? options_.revoked(**chain) : absl::OkStatus();
  if (!revoked.ok()) return Unauthenticated(context, revoked.message());
  return ProvenPrincipal(
      *identity, CallsForOthers(identity->role) ? Metadata(context, kOnBehalfOfMetadata) : "",
      context.peer());
}

Principal Authenticator::FromPlain(const grpc::ServerContextBase& context) const {
  Principal caller = PrincipalOf(context);
  if (IsLocal(caller)) {
    caller.role = Role::kAdmin;
    return caller;
  }
  caller.role = options_.plain;
  if (!options_.believes_plain) {
    caller.kind = Principal::Kind::kUser;
    caller.on_behalf_of.clear();
  }
  return caller;
}

Authenticator::Chain Authenticator::Read(const std::string& pem) const {
  {
    MutexLock lock(mutex_);
    if (const auto found = read_.find(pem); found != read_.end()) return found->second;
  }
  auto read = std::make_shared<const absl::StatusOr<std::vector<CertificateInfo>>>(
      ReadCertificateChain(pem));
  MutexLock lock(mutex_);
  if (read_.size() >= kMaxKept) read_.clear();
  read_.insert_or_assign(pem, read);
  return read;
}

}  // namespace gitops
