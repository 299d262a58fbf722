#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ctl/output/document.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// ServiceState -> SERVICE_STATE_, which every value begins with.
std::string PrefixOf(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + "_";
}

Json NormalEnum(const Json& value, const EnumDescriptor& type) {
  if (!value.is_string()) return value;  // A number: a value newer than this program.
  const std::string text = value.get<std::string>();
  const std::string bare(absl::StripPrefix(text, PrefixOf(type)));
  return type.full_name() == "gitops.v1.Tracking" ? absl::AsciiStrToLower(bare) : bare;
}

Json NormalMessage(const Json& value, const Descriptor& type);

Json NormalValue(const Json& value, const FieldDescriptor& field) {
  if (field.enum_type() != nullptr) return NormalEnum(value, *field.enum_type());
  // Timestamp and Duration are strings in JSON.
  if (field.message_type() != nullptr && value.is_object()) {
    return NormalMessage(value, *field.message_type());
  }
  return value;
}

Json NormalField(const Json& object, const FieldDescriptor& field) {
  const auto found = object.find(field.json_name());
  if (!field.is_repeated()) {
    return found == object.end() ? Json(nullptr) : NormalValue(*found, field);
  }
  Json list = Json::array();
  if (found == object.end()) return list;
  for (const Json& element : *found) list.push_back(NormalValue(element, field));
  return list;
}

Json NormalMessage(const Json& value, const Descriptor& type) {
  Json normal = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    normal[type.field(i)->json_name()] = NormalField(value, *type.field(i));
  }
  return normal;
}

constexpr auto kReplaceBadText = Json::error_handler_t::replace;

}  // namespace

absl::StatusOr<Json> ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) {
    return absl::InternalError(
        absl::StrCat("cannot print the agent's answer as JSON: ", std::string(status.message())));
  }
  const Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return absl::InternalError("the agent's answer is no JSON object");
  return NormalMessage(value, *message.GetDescriptor());
}

std::string JsonText(const Json& value) {
  return EscapeDocument(value.dump(2, ' ', false, kReplaceBadText)) + "\n";
}

std::string JsonLine(const Json& value) {
  return EscapeDocument(value.dump(-1, ' ', false, kReplaceBadText)) + "\n";
}

}  // namespace gitops::ctl
