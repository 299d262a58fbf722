#ifndef GITOPS_COMMON_RPC_REQUEST_CHECKS_H_
#define GITOPS_COMMON_RPC_REQUEST_CHECKS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What requests of several services hold.

// INVALID_ARGUMENT: it is longer than the history keeps.
absl::Status CheckReason(const std::string& reason);

// INVALID_ARGUMENT: it is no commit, nor the first digits (at least 4) of one. `field` is its path
// in the request.
absl::Status CheckHash(const std::string& hash, absl::string_view field = "hash");

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_REQUEST_CHECKS_H_
