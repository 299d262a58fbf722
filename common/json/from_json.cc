#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/json/enum_name.h"
#include "common/json/json.h"
#include "common/json/json_text.h"
#include "common/rpc/error.h"
#include "common/text/nearest.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::JsonStringToMessage;

// Integers up to here are exact as floating-point numbers.
constexpr double kLargestExact = 9007199254740992.0;  // 2^53

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& known) {
  const std::string nearest = Nearest(word, known);
  return nearest.empty() ? "" : absl::StrCat(" (did you mean \"", nearest, "\"?)");
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->json_name() == name || field->name() == name) return field;
  }
  return nullptr;
}

// A number may be written as a string, and an integer with a fraction of zero.
template <typename Number>
std::optional<Number> Integer(const Json& value) {
  Number number;
  if (value.is_string()) {
    if (absl::SimpleAtoi(value.get_ref<const std::string&>(), &number)) return number;
  } else if (value.is_number_integer()) {
    if (absl::SimpleAtoi(value.dump(), &number)) return number;
  } else if (value.is_number_float()) {
    const double real = value.get<double>();
    if (std::trunc(real) == real && std::abs(real) <= kLargestExact &&
        absl::SimpleAtoi(absl::StrCat(static_cast<int64_t>(real)), &number)) {
      return number;
    }
  }
  return std::nullopt;
}

std::optional<double> Real(const Json& value) {
  double real;
  if (value.is_number()) return value.get<double>();
  if (value.is_string() && absl::SimpleAtod(value.get_ref<const std::string&>(), &real)) {
    return real;
  }
  return std::nullopt;
}

std::optional<bool> Boolean(const Json& value) {
  return value.is_boolean() ? std::optional(value.get<bool>()) : std::nullopt;
}

std::optional<std::string> Text(const Json& value) {
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

std::optional<std::string> Bytes(const Json& value) {
  std::string bytes;
  const std::optional<std::string> text = Text(value);
  if (text.has_value() &&
      (absl::Base64Unescape(*text, &bytes) || absl::WebSafeBase64Unescape(*text, &bytes))) {
    return bytes;
  }
  return std::nullopt;
}

class Reader {
 public:
  absl::Status ReadMessage(const Json& object, Message& message) {
    if (!object.is_object()) return Unfit("an object");
    const Descriptor& type = *message.GetDescriptor();
    std::set<const FieldDescriptor*> seen;
    for (const auto& [name, value] : object.items()) {
      const size_t path_size = path_.size();
      absl::StrAppend(&path_, path_.empty() ? "" : ".", ShownName(name));
      const FieldDescriptor* field = FindField(type, name);
      if (field == nullptr) return Unknown(name, type);
      if (!seen.insert(field).second) return Bad("is given twice, under both of its names");
      absl::Status status = ReadField(value, *field, message);
      if (!status.ok()) return status;
      path_.resize(path_size);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Bad(absl::string_view what) const {
    if (path_.empty()) return absl::InvalidArgumentError(absl::StrCat("the JSON ", what));
    return InvalidField(path_, absl::StrCat(path_, " ", what));
  }
  absl::Status Unfit(absl::string_view wanted) const {
    return Bad(absl::StrCat("is not ", wanted));
  }

  absl::Status Unknown(const std::string& name, const Descriptor& type) const {
    std::vector<std::string> known;
    for (int i = 0; i < type.field_count(); ++i) known.push_back(type.field(i)->json_name());
    return Bad(absl::StrCat("is not a field of ", type.name(), DidYouMean(name, known)));
  }

  absl::Status ReadField(const Json& value, const FieldDescriptor& field, Message& message) {
    if (value.is_null()) return absl::OkStatus();
    if (field.is_map()) return ReadMap(value, field, message);
    if (field.is_repeated()) return ReadList(value, field, message);
    const auto* oneof = field.real_containing_oneof();
    if (oneof != nullptr && message.GetReflection()->HasOneof(message, oneof)) {
      return Bad(absl::StrCat("cannot be set together with another of \"", oneof->name(), "\""));
    }
    if (field.has_optional_keyword() && value.is_string() &&
        value.get_ref<const std::string&>().empty()) {
      return Bad("is empty; give a value, or leave it out");
    }
    return ReadValue(value, field, message);
  }

  absl::Status ReadList(const Json& list, const FieldDescriptor& field, Message& message) {
    if (!list.is_array()) return Unfit("an array");
    for (size_t i = 0; i < list.size(); ++i) {
      const size_t path_size = path_.size();
      absl::StrAppend(&path_, "[", i, "]");
      if (absl::Status status = ReadValue(list[i], field, message); !status.ok()) return status;
      path_.resize(path_size);
    }
    return absl::OkStatus();
  }

  absl::Status ReadMap(const Json& map, const FieldDescriptor& field, Message& message) {
    if (!map.is_object()) return Unfit("an object");
    for (const auto& [key, value] : map.items()) {
      const size_t path_size = path_.size();
      absl::StrAppend(&path_, "[\"", ShownName(key), "\"]");
      Message& entry = *message.GetReflection()->AddMessage(&message, &field);
      absl::Status status = ReadValue(Json(key), *field.message_type()->map_key(), entry);
      if (status.ok()) status = ReadValue(value, *field.message_type()->map_value(), entry);
      if (!status.ok()) return status;
      path_.resize(path_size);
    }
    return absl::OkStatus();
  }

  // Sets the field, or adds an element to it.
  absl::Status ReadValue(const Json& value, const FieldDescriptor& field, Message& message) {
    const auto put = [&](const auto& parsed, auto set, auto add, absl::string_view wanted) {
      if (!parsed.has_value()) return Unfit(wanted);
      (message.GetReflection()->*(field.is_repeated() ? add : set))(&message, &field, *parsed);
      return absl::OkStatus();
    };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return put(Integer<int32_t>(value), &Reflection::SetInt32, &Reflection::AddInt32,
                   "a 32-bit integer");
      case FieldDescriptor::CPPTYPE_INT64:
        return put(Integer<int64_t>(value), &Reflection::SetInt64, &Reflection::AddInt64,
                   "a 64-bit integer");
      case FieldDescriptor::CPPTYPE_UINT32:
        return put(Integer<uint32_t>(value), &Reflection::SetUInt32, &Reflection::AddUInt32,
                   "a 32-bit integer of 0 or more");
      case FieldDescriptor::CPPTYPE_UINT64:
        return put(Integer<uint64_t>(value), &Reflection::SetUInt64, &Reflection::AddUInt64,
                   "a 64-bit integer of 0 or more");
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return put(Real(value), &Reflection::SetDouble, &Reflection::AddDouble, "a number");
      case FieldDescriptor::CPPTYPE_FLOAT:
        return put(Real(value), &Reflection::SetFloat, &Reflection::AddFloat, "a number");
      case FieldDescriptor::CPPTYPE_BOOL:
        return put(Boolean(value), &Reflection::SetBool, &Reflection::AddBool, "true or false");
      case FieldDescriptor::CPPTYPE_ENUM:
        return ReadEnum(value, field, message);
      case FieldDescriptor::CPPTYPE_STRING:
        return field.type() == FieldDescriptor::TYPE_BYTES
                   ? put(Bytes(value), &Reflection::SetString, &Reflection::AddString,
                         "a string of base64")
                   : put(Text(value), &Reflection::SetString, &Reflection::AddString, "a string");
      case FieldDescriptor::CPPTYPE_MESSAGE:
        break;
    }
    Message& nested = field.is_repeated()
                          ? *message.GetReflection()->AddMessage(&message, &field)
                          : *message.GetReflection()->MutableMessage(&message, &field);
    return ReadNested(value, nested);
  }

  absl::Status ReadEnum(const Json& value, const FieldDescriptor& field, Message& message) {
    const absl::StatusOr<int> number = EnumNumber(value, *field.enum_type());
    if (!number.ok()) return number.status();
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      reflection.AddEnumValue(&message, &field, *number);
    } else {
      reflection.SetEnumValue(&message, &field, *number);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> EnumNumber(const Json& value, const EnumDescriptor& type) const {
    if (!value.is_string()) {
      const std::optional<int32_t> number = Integer<int32_t>(value);
      return number.has_value() ? absl::StatusOr<int>(*number) : Unfit("the name of a value");
    }
    const std::string& name = value.get_ref<const std::string&>();
    const std::string prefix = EnumPrefix(type);
    for (const std::string& whole : {name, absl::StrCat(prefix, name)}) {
      if (const auto* found = type.FindValueByName(whole)) return found->number();
    }
    std::vector<std::string> known;
    for (int i = 0; i < type.value_count(); ++i) {
      known.emplace_back(absl::StripPrefix(type.value(i)->name(), prefix));
    }
    return Bad(absl::StrCat("\"", ShownName(name), "\" is not a value of ", type.name(),
                            DidYouMean(name, known)));
  }

  absl::Status ReadNested(const Json& value, Message& message) {
    const std::string& type = message.GetDescriptor()->full_name();
    if (!absl::StartsWith(type, "google.protobuf.")) return ReadMessage(value, message);
    // Timestamp, Duration and similar types have special forms.
    if (!value.is_null() && JsonStringToMessage(value.dump(), &message).ok()) {
      return absl::OkStatus();
    }
    if (type == "google.protobuf.Timestamp") return Unfit("a time like \"2026-11-22T22:15:30Z\"");
    if (type == "google.protobuf.Duration") return Unfit("a number of seconds like \"1.5s\"");
    return Unfit(absl::StrCat("a ", type));
  }

  // The path of the current value.
  std::string path_;
};

}  // namespace

absl::Status FromJson(absl::string_view text, Message* message, const JsonLimits& limits) {
  message->Clear();
  const absl::StatusOr<Json> object = ParseJsonObject(text, limits);
  absl::Status status = object.status();
  if (status.ok()) status = Reader().ReadMessage(*object, *message);
  if (!status.ok()) message->Clear();
  return status;
}

}  // namespace gitops
