#ifndef GITOPS_COMMON_TLS_BUILDER_H_
#define GITOPS_COMMON_TLS_BUILDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/tls/issued.h"
#include "common/tls/openssl.h"

namespace gitops::tls {

// Makes certificates, all signed with SHA-256.

// An authority that signs.
struct Signer {
  Certificate certificate;
  Key key;
};

absl::StatusOr<Key> NewKey();  // P-256
// 8 hex digits of the key's hash: names of authorities have it, so that two keys never share one.
std::string KeyId(EVP_PKEY* key);

// The name that such an authority was made with.
std::string AuthorityName(const X509* authority);

struct Validity {
  absl::Time not_before, not_after;
};

// A root named "NAME KEYID".
absl::StatusOr<Certificate> MakeRoot(const std::string& name, EVP_PKEY* key,
                                     const Validity& validity);
// An authority for agents only, whatever its key signs: its name constraints permit URIs whose host
// is "agent", and no DNS names and addresses, with which it could pose as a server for browsers.
absl::StatusOr<Certificate> MakeIssuer(const std::string& name, EVP_PKEY* key, const Signer& signer,
                                       const Validity& validity);
// The name and key of another root, signed by `signer`: whoever trusts one may trust the other.
absl::StatusOr<Certificate> MakeLink(X509* root, const Signer& signer, const Validity& validity);
struct LeafNames {
  std::string subject, uri;
  std::vector<std::string> dns_names, addresses;
};
// INVALID_ARGUMENT: an address is none.
absl::StatusOr<Certificate> MakeLeaf(const LeafNames& names, EVP_PKEY* key, const Signer& signer,
                                     const Validity& validity);
// Of those in `issued` that `signer` issued, the revoked ones that have not expired.
absl::StatusOr<RevocationList> MakeRevocationList(const std::vector<IssuedCertificate>& issued,
                                                  const Signer& signer, const Validity& validity);

}  // namespace gitops::tls

#endif  // GITOPS_COMMON_TLS_BUILDER_H_
