#ifndef GITOPS_COMMON_TLS_REQUEST_H_
#define GITOPS_COMMON_TLS_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/log/secret.h"

namespace gitops {

// Requests for certificates (PKCS#10, PEM). Any thread.

// A new P-256 key, as PEM.
absl::StatusOr<Secret> NewPrivateKey();

// A request for this key. It names nobody: the authority decides what the certificate says.
// INVALID_ARGUMENT: the key is damaged.
absl::StatusOr<std::string> RequestFor(const Secret& key_pem);

// The SHA-256 of the public key that a request is for, in hex. INVALID_ARGUMENT: the request is
// damaged or not signed with its key, or the key is weak (RSA below 2,048 bits).
absl::StatusOr<std::string> KeyOfRequest(absl::string_view request_pem);

}  // namespace gitops

#endif  // GITOPS_COMMON_TLS_REQUEST_H_
