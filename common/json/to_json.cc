#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/json/enum_name.h"
#include "common/json/json.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Functions that convert protobuf's JSON form into ours.

Json EnumValue(const Json& value, const EnumDescriptor& type) {
  if (!value.is_string()) return value;  // A value newer than this program.
  return std::string(absl::StripPrefix(value.get_ref<const std::string&>(), EnumPrefix(type)));
}

Json Object(const Json& value, const Descriptor& type);

Json Value(const Json& value, const FieldDescriptor& field) {
  if (field.enum_type() != nullptr) return EnumValue(value, *field.enum_type());
  // Timestamp, Duration and similar types have special forms.
  if (field.message_type() == nullptr ||
      absl::StartsWith(field.message_type()->full_name(), "google.protobuf.")) {
    return value;
  }
  return Object(value, *field.message_type());
}

Json List(const Json& value, const FieldDescriptor& field) {
  Json list = Json::array();
  for (const Json& element : value) list.push_back(Value(element, field));
  return list;
}

Json Map(const Json& value, const FieldDescriptor& field) {
  Json map = Json::object();
  for (const auto& [key, element] : value.items()) {
    map[key] = Value(element, *field.message_type()->map_value());
  }
  return map;
}

Json Object(const Json& value, const Descriptor& type) {
  Json object = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const auto found = value.find(field.json_name());
    const bool is_set = found != value.end();
    if (!is_set && field.real_containing_oneof() != nullptr) continue;
    Json& member = object[field.json_name()];
    if (field.is_map()) {
      member = Map(is_set ? *found : Json::object(), field);
    } else if (field.is_repeated()) {
      member = List(is_set ? *found : Json::array(), field);
    } else if (is_set) {
      member = Value(*found, field);
    }
  }
  return object;
}

}  // namespace

std::string ToText(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

absl::StatusOr<Json> ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) {
    return absl::InternalError(absl::StrCat("cannot print ", message.GetTypeName(),
                                            " as JSON: ", std::string(status.message())));
  }
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) {
    return absl::InternalError(absl::StrCat(message.GetTypeName(), " is no JSON object"));
  }
  return Object(value, *message.GetDescriptor());
}

}  // namespace gitops
