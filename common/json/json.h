#ifndef GITOPS_COMMON_JSON_JSON_H_
#define GITOPS_COMMON_JSON_JSON_H_

#include <google/protobuf/message.h>

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Members keep their order.
using Json = nlohmann::ordered_json;

// The one JSON form of the API's messages: protobuf's, where
//   - names are lowerCamelCase and members come in the order of the proto;
//   - an enum value is without the prefix of its type: "OK", not "SERVICE_STATE_OK"; a value that
//     this program does not know is a number;
//   - every field is present, also when it is empty. A message that is not set, and a field with
//     `optional` that is not set, are null. Members of a oneof that are not set are left out.
// 64-bit integers are strings, as in protobuf's form.

// INTERNAL: the message has a value without a JSON form (a time beyond the year 9999).
absl::StatusOr<Json> ToJson(const google::protobuf::Message& message);

// `json` on one line. Bytes that are not UTF-8 are replaced.
std::string ToText(const Json& json);

struct JsonLimits {
  size_t bytes = 4 << 20;
  // The maximum nesting of objects and arrays.
  size_t depth = 32;
};

// Parses `text` into `message`: the output of ToJson, or protobuf's own JSON (names as in the
// proto, enum values with their prefix or as numbers, fields left out). null means not set.
//
// INVALID_ARGUMENT, with a BadRequest that names the field as the text does ("selection.on[2]",
// "spec.rollout.onFailure") if it is one field: not JSON, not UTF-8, not an object at the top; over
// a limit; a member twice, under either of its names; an unknown field (the message has the nearest
// one); a value that does not fit its field; two members of a oneof; "" in a field with `optional`,
// since an empty value must not be mistaken for none. `message` is then cleared.
absl::Status FromJson(absl::string_view text, google::protobuf::Message* message,
                      const JsonLimits& limits = {});

}  // namespace gitops

#endif  // GITOPS_COMMON_JSON_JSON_H_
