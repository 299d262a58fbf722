#ifndef GITOPS_COMMON_RPC_REQUEST_CHECKS_H_
#define GITOPS_COMMON_RPC_REQUEST_CHECKS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace gitops {

// Checks of fields that requests of several services have.

// INVALID_ARGUMENT: it is longer than the limit of the history.
absl::Status CheckReason(const std::string& reason);

// INVALID_ARGUMENT: neither a commit nor the first digits (at least 4) of one. `field` is its path
// in the request.
absl::Status CheckHash(const std::string& hash, absl::string_view field = "hash");

// The gate calls this for every request. INVALID_ARGUMENT names the field: a string with presence
// (`optional`, or in a oneof), here or in a nested message, is set and empty, which is most likely
// a mistake, since unset means everything or the default; or a number is none of its enum's values.
absl::Status CheckSetFields(const google::protobuf::Message& request);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_REQUEST_CHECKS_H_
