#ifndef GITOPS_COMMON_TLS_CERTIFICATE_H_
#define GITOPS_COMMON_TLS_CERTIFICATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/tls/identity.h"

namespace gitops {

// What a certificate says. Whether it is genuine was decided before: by the TLS handshake, or by
// LoadMaterial (material.h).
struct CertificateInfo {
  // Who the holder is, or why the certificate must not be accepted as anyone: INVALID_ARGUMENT
  //   - no URI gitops://ROLE/NAME, more than one, or one of another form;
  //   - a name with a NUL or a wildcard;
  //   - signed with MD5 or SHA-1, or a key that is weaker than RSA of 2,048 bits.
  // The text goes on with "the certificate …" and holds nothing secret.
  absl::StatusOr<Identity> identity = Identity{};
  std::vector<std::string> dns_names, addresses;  // of the subject; addresses as text
  std::string serial;                             // lower-case hex without leading zeros
  absl::Time not_before, not_after;               // the last second is included
  std::string issuer, subject;                    // RFC 2253: "CN=gitops CA 1f00a3c2"
  std::string fingerprint;                        // SHA-256 of the DER form, lower-case hex
};

// The certificates of a PEM text, in its order: first the holder's own, then those that lead to its
// authority, as AuthContext's x509_pem_cert (one) and x509_pem_cert_chain have them.
// INVALID_ARGUMENT: it has none, or a damaged one. Any thread.
absl::StatusOr<std::vector<CertificateInfo>> ReadCertificateChain(absl::string_view pem);

// The first of them, the holder's own.
absl::StatusOr<CertificateInfo> ReadCertificate(absl::string_view pem);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_CERTIFICATE_H_
