#ifndef GITOPS_COMMON_TLS_MATERIAL_H_
#define GITOPS_COMMON_TLS_MATERIAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/log/secret.h"
#include "common/tls/certificate.h"

namespace gitops {

// What a --tls-dir has, checked.
struct TlsMaterial {
  std::string authorities_pem;  // ca.crt: all authorities that are trusted
  std::string chain_pem;        // tls.crt: the own certificate and those that lead to its authority
  Secret key_pem;               // tls.key
  CertificateInfo certificate;  // the own one; its `identity` is OK
};

// Reads ca.crt, tls.crt and tls.key of `directory` and checks that a TLS peer with the same ca.crt
// would accept them at `now`: the key belongs to the certificate, the certificate leads to an
// authority of ca.crt (which may hold several, while one replaces another), the dates, one
// identity, nothing weak. So files that are half written, or do not belong together, are an error;
// the caller keeps what it had and tries again.
//
// NOT_FOUND: a file is missing. FAILED_PRECONDITION: all is well but the dates: expired, or the
// clock is wrong. INVALID_ARGUMENT: otherwise; or by errno. The message names the file, what was
// found, and what to do; it has nothing of the key. Any thread.
absl::StatusOr<TlsMaterial> LoadMaterial(const std::string& directory, absl::Time now);

// The same for texts that are not in files yet; sets `material.certificate`. `directory` is for
// messages.
absl::Status CheckMaterial(const std::string& directory, TlsMaterial& material, absl::Time now);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_MATERIAL_H_
