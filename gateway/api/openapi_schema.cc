#include "gateway/api/openapi_schema.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/api/limits.h"
#include "common/json/enum_name.h"

namespace gitops {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// "gitops.v1.Rollout" is "Rollout"; "google.rpc.Status" is "GoogleRpcStatus".
std::string SchemaName(const google::protobuf::Descriptor& type) {
  return absl::StrReplaceAll(absl::StripPrefix(type.full_name(), "gitops.v1."),
                             {{"google.rpc.", "GoogleRpc"}, {"google.", "Google"}, {".", ""}});
}

Json OfType(const char* type) {
  Json schema = Json::object();
  schema["type"] = type;
  return schema;
}

Json Enum(const EnumDescriptor& type) {
  Json schema = OfType("string");
  const std::string prefix = EnumPrefix(type);
  for (int i = 0; i < type.value_count(); ++i) {
    schema["enum"].push_back(std::string(absl::StripPrefix(type.value(i)->name(), prefix)));
  }
  return schema;
}

Json Integer(const char* format, int64_t least, int64_t most) {
  Json schema = OfType("integer");
  schema["format"] = format;
  schema["minimum"] = least;
  schema["maximum"] = most;
  return schema;
}

// 64-bit integers are text, since JavaScript's numbers have 53 bits.
Json LongInteger(const char* pattern) {
  Json schema = OfType("string");
  schema["pattern"] = pattern;
  return schema;
}

Json Text(const FieldDescriptor& field, bool sent) {
  Json schema = OfType("string");
  if (field.type() == FieldDescriptor::TYPE_BYTES) schema["contentEncoding"] = "base64";
  const FieldLimit* limit = sent ? nullptr : LimitOf(field);
  if (limit != nullptr && limit->bytes > 0 && field.type() != FieldDescriptor::TYPE_BYTES) {
    schema["maxLength"] = limit->bytes;
  }
  if (!sent && field.has_presence()) schema["minLength"] = 1;
  return schema;
}

// Also null.
Json Nullable(Json schema) {
  if (schema.contains("type") && schema["type"].is_string() && !schema.contains("enum")) {
    schema["type"] = Json::array({schema["type"], "null"});
    return schema;
  }
  Json either = Json::object();
  either["anyOf"] = Json::array({std::move(schema), OfType("null")});
  return either;
}

}  // namespace

Json OpenApiSchemas::Sent(const Descriptor& type) { return Reference(type, /*sent=*/true, {}); }

Json OpenApiSchemas::Accepted(const Descriptor& type,
                              const std::vector<const FieldDescriptor*>& without) {
  return Reference(type, /*sent=*/false, without);
}

Json OpenApiSchemas::Parameter(const FieldDescriptor& field) {
  return Field(field, /*sent=*/false);
}

Json OpenApiSchemas::PathSegment(const FieldDescriptor* field) {
  Json segment = field == nullptr ? OfType("string") : Field(*field, /*sent=*/false);
  segment["minLength"] = 1;
  // As ParseHttpPath().
  segment["pattern"] = "^[^/\\x00-\\x1f\\x7f]+$";
  return segment;
}

Json OpenApiSchemas::Reference(const Descriptor& type, bool sent,
                               const std::vector<const FieldDescriptor*>& without) {
  const bool is_request = absl::EndsWith(type.name(), "Request");
  const std::string name = absl::StrCat(SchemaName(type), sent || is_request ? "" : "Input");
  if (!schemas_.contains(name)) {
    schemas_[name] = nullptr;  // a message may contain itself
    Json object = Object(type, sent, without);
    schemas_[name] = std::move(object);
  }
  Json reference = Json::object();
  reference["$ref"] = absl::StrCat("#/components/schemas/", name);
  return reference;
}

Json OpenApiSchemas::Object(const Descriptor& type, bool sent,
                            const std::vector<const FieldDescriptor*>& without) {
  Json schema = OfType("object");
  Json required = Json::array();
  schema["properties"] = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (std::count(without.begin(), without.end(), &field) > 0) continue;
    Json property = Field(field, sent);
    // In a body, null is a field that is left out.
    schema["properties"][field.json_name()] = sent ? std::move(property) : Nullable(property);
    if (field.real_containing_oneof() == nullptr) required.push_back(field.json_name());
  }
  if (sent && !required.empty()) schema["required"] = std::move(required);
  if (!sent) schema["additionalProperties"] = false;
  return schema;
}

Json OpenApiSchemas::Field(const FieldDescriptor& field, bool sent) {
  if (field.is_map()) {
    Json map = OfType("object");
    map["additionalProperties"] = Value(*field.message_type()->map_value(), sent);
    return map;
  }
  if (field.is_repeated()) {
    Json list = OfType("array");
    list["items"] = Value(field, sent);
    const FieldLimit* limit = sent ? nullptr : LimitOf(field);
    if (limit != nullptr && limit->items > 0) list["maxItems"] = limit->items;
    return list;
  }
  const bool may_be_unset =
      field.has_optional_keyword() ||
      (field.message_type() != nullptr && field.real_containing_oneof() == nullptr);
  return sent && may_be_unset ? Nullable(Value(field, sent)) : Value(field, sent);
}

Json OpenApiSchemas::Value(const FieldDescriptor& field, bool sent) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      // Numbers in requests count something; servers refuse negative ones.
      return Integer("int32", sent ? std::numeric_limits<int32_t>::min() : 0,
                     std::numeric_limits<int32_t>::max());
    case FieldDescriptor::CPPTYPE_UINT32:
      return Integer("uint32", 0, std::numeric_limits<uint32_t>::max());
    case FieldDescriptor::CPPTYPE_INT64:
      return LongInteger("^-?[0-9]{1,19}$");
    case FieldDescriptor::CPPTYPE_UINT64:
      return LongInteger("^[0-9]{1,20}$");
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return OfType("number");
    case FieldDescriptor::CPPTYPE_BOOL:
      return OfType("boolean");
    case FieldDescriptor::CPPTYPE_ENUM:
      return Enum(*field.enum_type());
    case FieldDescriptor::CPPTYPE_STRING:
      return Text(field, sent);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return Message(field, sent);
}

Json OpenApiSchemas::Message(const FieldDescriptor& field, bool sent) {
  const Descriptor& type = *field.message_type();
  if (type.full_name() == "google.protobuf.Timestamp") {
    Json time = OfType("string");
    time["format"] = "date-time";
    return time;
  }
  if (type.full_name() == "google.protobuf.Duration") {
    Json duration = OfType("string");
    duration["pattern"] = "^-?[0-9]+(\\.[0-9]{1,9})?s$";
    return duration;
  }
  if (absl::StartsWith(type.full_name(), "google.protobuf.")) return OfType("object");
  return Reference(type, sent, {});
}

}  // namespace gitops
