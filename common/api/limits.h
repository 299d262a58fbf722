#ifndef GITOPS_COMMON_API_LIMITS_H_
#define GITOPS_COMMON_API_LIMITS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// What a field of a request may hold.
struct FieldLimit {
  // "Selection.on", or "service" for every field of that name that has no row of its own.
  absl::string_view field;
  // Of a string or bytes value, each if there are several. 0: it holds messages.
  size_t bytes;
  // How many values a repeated field has. 0: it is not repeated.
  size_t items = 0;
};

// The limit of a field of the API; null: it has none in the table.
const FieldLimit* LimitOf(const google::protobuf::FieldDescriptor& field);

// Checks every string, bytes value and repeated field of `request`, in the messages it holds too.
// Linear in what the request holds.
// INVALID_ARGUMENT, naming the field ("selection.on[3]"), what was found, and the limit; a field
// that has no limit is refused when it is set.
absl::Status CheckLimits(const google::protobuf::Message& request);

}  // namespace gitops

#endif  // GITOPS_COMMON_API_LIMITS_H_
