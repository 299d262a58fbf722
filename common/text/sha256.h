#ifndef GITOPS_COMMON_TEXT_SHA256_H_
#define GITOPS_COMMON_TEXT_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gitops {

// The SHA-256 of `text` in lower-case hex.
std::string Sha256Hex(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_TEXT_SHA256_H_
