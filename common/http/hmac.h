#ifndef GITOPS_COMMON_HTTP_HMAC_H_
#define GITOPS_COMMON_HTTP_HMAC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/log/secret.h"

namespace gitops {

// The header X-Signature, "ALG=HEX" with ALG one of sha224, sha256, sha384, sha512: the HMAC of a
// body, as Flux and the hook dispatcher write it.

inline constexpr char kSignatureHeader[] = "X-Signature";

// INVALID_ARGUMENT: an unknown algorithm; shows at most its first bytes.
absl::StatusOr<std::string> Sign(absl::string_view algorithm, const Secret& key,
                                 absl::string_view body);

// Whether `signature` is that of `body`, compared in constant time. UNAUTHENTICATED: malformed, of
// an unknown algorithm, or wrong, or the key is empty. The message never holds the right one.
absl::Status VerifySignature(absl::string_view signature, const Secret& key,
                             absl::string_view body);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_HMAC_H_
