#ifndef GITOPS_COMMON_RPC_AUTHENTICATOR_H_
#define GITOPS_COMMON_RPC_AUTHENTICATOR_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/rpc/principal.h"
#include "common/sync/mutex.h"
#include "common/tls/certificate.h"

namespace gitops {

struct AuthenticatorOptions {
  // The role of those who call over TCP in plain text.
  Role plain = Role::kAdmin;
  // Whether they are believed for whom they call, and whose role counts then.
  bool believes_plain = true;
  // An error if one of the chain is revoked; its message goes on with "the certificate …". Null:
  // none is. Any thread.
  std::function<absl::Status(const std::vector<CertificateInfo>& chain)> revoked;
};

// Finds out who makes a call, from its connection:
//   - TLS: the identity in the client's certificate, which the handshake has verified;
//   - the unix socket: an admin, since its mode decides who may open it;
//   - TCP in plain text: as the options say.
// A server names the person for whom it calls. That is believed of planners, promotion receivers
// and gateways with a certificate, over the unix socket, and in plain text as the options say. The
// role of that person counts if a gateway sent it. Any thread.
class Authenticator {
 public:
  explicit Authenticator(AuthenticatorOptions options) : options_(std::move(options)) {}

  // The caller, with the role that counts. UNAUTHENTICATED: the certificate is none of ours, or
  // revoked; PERMISSION_DENIED: the role for whom it calls is not a person's.
  absl::StatusOr<Principal> Identify(const grpc::ServerContextBase& context) const;

 private:
  using Chain = std::shared_ptr<const absl::StatusOr<std::vector<CertificateInfo>>>;

  absl::StatusOr<Principal> FromTls(const grpc::ServerContextBase& context,
                                    const std::string& certificates) const;
  Principal FromPlain(const grpc::ServerContextBase& context) const;
  Chain Read(const std::string& pem) const;

  const AuthenticatorOptions options_;
  mutable Mutex mutex_;
  // By PEM text, so that calls on open connections cost no parsing.
  mutable std::map<std::string, Chain> read_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_AUTHENTICATOR_H_
