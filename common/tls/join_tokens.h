#ifndef GITOPS_COMMON_TLS_JOIN_TOKENS_H_
#define GITOPS_COMMON_TLS_JOIN_TOKENS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/secret.h"
#include "common/tls/authority.h"

namespace gitops {

// What a host asks for when it joins.
struct JoinRequest {
  Secret token;
  std::string host;
  std::string request_pem;  // PKCS#10
};

struct Joined {
  IssuedMaterial material;
  bool repeated = false;  // the host has it already; it was not issued now
};

// The join tokens of an authority: each is good for one certificate of one host, once, for a time.
// A file for each host, tokens/HOST.json in the directory of the authority, has the token's SHA-256
// and, once it is spent, the certificate. Several processes may work on one directory; any thread.
class JoinTokens {
 public:
  // `directory` is that of a CertificateAuthority.
  explicit JoinTokens(std::string directory) : directory_(std::move(directory)) {}

  // A new token for the host, "HOST/SECRET"; an earlier one is good no longer. INVALID_ARGUMENT:
  // not a name of a host. NOT_FOUND, FAILED_PRECONDITION: there is no usable authority. Or by
  // errno.
  absl::StatusOr<Secret> Create(const std::string& host, absl::Duration lifetime,
                                absl::Time now) const;
  // Makes the host's token useless. NOT_FOUND: it has none.
  absl::Status Revoke(const std::string& host) const;

  // Spends the token on a certificate of gitops://agent/HOST for the key of the request, of which
  // nothing else is used. The token is spent exactly when the certificate is on disk: until then a
  // crash leaves it good, and afterwards the same token with the same key gets the same certificate
  // until the token expires.
  //
  // UNAUTHENTICATED: no such token, or it has expired. PERMISSION_DENIED: it is for another host.
  // ALREADY_EXISTS: it was spent on another key. INVALID_ARGUMENT: a bad request. UNAVAILABLE: the
  // authority cannot issue now; the message is for the log of the planner.
  absl::StatusOr<Joined> Redeem(const JoinRequest& request, absl::Time now) const;

 private:
  std::string PathOf(const std::string& host) const;

  const std::string directory_;
};

// The host that a token is for. INVALID_ARGUMENT, without the token: it is none.
absl::StatusOr<std::string> HostOfJoinToken(const Secret& token);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_JOIN_TOKENS_H_
