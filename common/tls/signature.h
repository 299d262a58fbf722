#ifndef GITOPS_COMMON_TLS_SIGNATURE_H_
#define GITOPS_COMMON_TLS_SIGNATURE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/tls/identity.h"
#include "common/tls/material.h"

namespace gitops {

// Signatures with the keys of a --tls-dir, for texts that are read later. Any thread.

// The signature of `text` with the key of `material`. INTERNAL: OpenSSL cannot.
absl::StatusOr<std::string> SignText(const TlsMaterial& material, absl::string_view text);

// Who signed `text`: the holder of the first certificate of `chain_pem`, which led to one of
// `authorities_pem` at `time`. INVALID_ARGUMENT: the signature is of another text or key, or the
// certificate is nobody's; FAILED_PRECONDITION: it was not valid at `time`.
absl::StatusOr<Identity> SignerOf(absl::string_view text, absl::string_view signature,
                                  absl::string_view chain_pem, absl::string_view authorities_pem,
                                  absl::Time time);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_SIGNATURE_H_
