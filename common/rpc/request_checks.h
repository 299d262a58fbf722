#ifndef GITOPS_COMMON_RPC_REQUEST_CHECKS_H_
#define GITOPS_COMMON_RPC_REQUEST_CHECKS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace gitops {

// What requests of several services hold.

// INVALID_ARGUMENT: it is longer than the history keeps.
absl::Status CheckReason(const std::string& reason);

// INVALID_ARGUMENT: it is no commit, nor the first digits (at least 4) of one. `field` is its path
// in the request.
absl::Status CheckHash(const std::string& hash, absl::string_view field = "hash");

// Of every request; the gate asks. INVALID_ARGUMENT, naming the field: a string that tells "unset"
// from "empty" (`optional`, or in a oneof), here or in a nested message, is set and empty. Unset
// means everything or the default there, so an empty value is more likely a mistake than meant.
absl::Status CheckSetFields(const google::protobuf::Message& request);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_REQUEST_CHECKS_H_
