#ifndef GITOPS_CTL_OUTPUT_DOCUMENT_H_
#define GITOPS_CTL_OUTPUT_DOCUMENT_H_

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace gitops::ctl {

using Json = nlohmann::ordered_json;

// The message in protobuf's JSON form, in the order of its fields, every field present: a message
// that is not set is null. Enum values are without their type's prefix ("OK", not
// "SERVICE_STATE_OK"); tracking is spelled as in the configuration ("auto").
absl::StatusOr<Json> ToJson(const google::protobuf::Message& message);

// Indented, with a newline at the end.
std::string JsonText(const Json& value);
// On one line, with a newline at the end.
std::string JsonLine(const Json& value);
// The same data as a YAML document. Strings stay strings: "yes", "0123" and "" are quoted.
std::string YamlText(const Json& value);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_DOCUMENT_H_
