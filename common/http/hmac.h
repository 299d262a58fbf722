#ifndef GITOPS_COMMON_HTTP_HMAC_H_
#define GITOPS_COMMON_HTTP_HMAC_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/log/secret.h"

namespace gitops {

// The header X-Signature, "ALG=HEX" with ALG one of sha224, sha256, sha384, sha512: the HMAC of a
// body, in the format of Flux and the hook dispatcher.

inline constexpr char kSignatureHeader[] = "X-Signature";

// The key in a file with these bytes. Editors and `echo` end a text with a line break, which is not
// part of the key, so one (LF or CRLF) is removed if the bytes are text: UTF-8 without control
// characters other than tabs and line breaks. Of binary keys every byte counts.
Secret HmacKeyFromFile(absl::string_view bytes);

// INVALID_ARGUMENT: an unknown algorithm; the message has at most its first bytes.
absl::StatusOr<std::string> Sign(absl::string_view algorithm, const Secret& key,
                                 absl::string_view body);

// Checks that `signature` is the signature of `body`, in constant time. UNAUTHENTICATED: malformed,
// of an unknown algorithm, or wrong, or the key is empty. The message never contains the correct
// signature.
absl::Status VerifySignature(absl::string_view signature, const Secret& key,
                             absl::string_view body);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_HMAC_H_
