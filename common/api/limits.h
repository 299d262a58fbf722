#ifndef GITOPS_COMMON_API_LIMITS_H_
#define GITOPS_COMMON_API_LIMITS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// The limit of a field of a request.
struct FieldLimit {
  // "Selection.on", or "service" for every field of that name without its own row.
  absl::string_view field;
  // The maximum size of a string or bytes value, of each if repeated. 0: a message field.
  size_t bytes;
  // The maximum number of values. 0: not repeated.
  size_t items = 0;
};

// The limit of a field of the API; null: not in the table.
const FieldLimit* LimitOf(const google::protobuf::FieldDescriptor& field);

// Checks every string, bytes value and repeated field of `request`, including nested messages.
// Linear in the size of the request. INVALID_ARGUMENT names the field ("selection.on[3]"), its
// size, and the limit; a field without a limit is refused if it is set.
absl::Status CheckLimits(const google::protobuf::Message& request);

}  // namespace gitops

#endif  // GITOPS_COMMON_API_LIMITS_H_
