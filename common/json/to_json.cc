#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/json/enum_name.h"
#include "common/json/json.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::DynamicCastToGenerated;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using google::protobuf::util::TimeUtil;

constexpr int kNanosPerSecond = 1'000'000'000;

Json Real(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

// The number with the digits that a float has.
Json Real(float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  double number = value;
  if (std::isfinite(value)) std::from_chars(digits, end, number);
  return Real(number);
}

Json EnumValue(int number, const EnumDescriptor& type) {
  const auto* const value = type.FindValueByNumber(number);
  if (value == nullptr) return number;  // A value newer than this program.
  return std::string(absl::StripPrefix(value->name(), EnumPrefix(type)));
}

// Converts one message. The first error stays.
class Printer {
 public:
  Json Object(const Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    Json object = Json::object();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      const bool is_set = field.is_repeated() || !field.has_presence() ||
                          message.GetReflection()->HasField(message, &field);
      if (!is_set && field.real_containing_oneof() != nullptr) continue;
      Json& member = object[field.json_name()];
      if (is_set) member = Member(message, field);
    }
    return object;
  }

  const absl::Status& status() const { return status_; }

 private:
  static constexpr int kWhole = -1;

  Json Member(const Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    if (!field.is_repeated()) return Value(message, field);
    const int size = reflection.FieldSize(message, &field);
    Json members = field.is_map() ? Json::object() : Json::array();
    for (int i = 0; i < size; ++i) {
      if (field.is_map()) {
        const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
        const Json key = Value(entry, *field.message_type()->map_key());
        members[key.is_string() ? key.get<std::string>() : key.dump()] =
            Value(entry, *field.message_type()->map_value());
      } else {
        members.push_back(Value(message, field, i));
      }
    }
    return members;
  }

  // `index`: of an element of a repeated field; kWhole: the field is not repeated.
  Json Value(const Message& message, const FieldDescriptor& field, int index = kWhole) {
    const Reflection& reflection = *message.GetReflection();
    const auto get = [&](auto whole, auto element) {
      return index == kWhole ? (reflection.*whole)(message, &field)
                             : (reflection.*element)(message, &field, index);
    };
    std::string scratch;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return absl::StrCat(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
      case FieldDescriptor::CPPTYPE_UINT32:
        return get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return absl::StrCat(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return Real(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return Real(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
      case FieldDescriptor::CPPTYPE_BOOL:
        return get(&Reflection::GetBool, &Reflection::GetRepeatedBool);
      case FieldDescriptor::CPPTYPE_ENUM:
        return EnumValue(get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue),
                         *field.enum_type());
      case FieldDescriptor::CPPTYPE_STRING:
        return Text(index == kWhole
                        ? reflection.GetStringReference(message, &field, &scratch)
                        : reflection.GetRepeatedStringReference(message, &field, index, &scratch),
                    field);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return OfMessage(index == kWhole ? reflection.GetMessage(message, &field)
                                         : reflection.GetRepeatedMessage(message, &field, index));
    }
    return nullptr;
  }

  static Json Text(const std::string& text, const FieldDescriptor& field) {
    return field.type() == FieldDescriptor::TYPE_BYTES ? absl::Base64Escape(text) : text;
  }

  Json OfMessage(const Message& message) {
    if (const auto* const time = DynamicCastToGenerated<Timestamp>(&message)) {
      const bool valid = time->seconds() >= TimeUtil::kTimestampMinSeconds &&
                         time->seconds() <= TimeUtil::kTimestampMaxSeconds && time->nanos() >= 0 &&
                         time->nanos() < kNanosPerSecond;
      return valid ? Json(TimeUtil::ToString(*time)) : Fail(message, "it is out of range");
    }
    if (const auto* const length = DynamicCastToGenerated<Duration>(&message)) {
      const bool same_sign = length->seconds() == 0 || length->nanos() == 0 ||
                             (length->seconds() < 0) == (length->nanos() < 0);
      const bool valid = length->seconds() >= TimeUtil::kDurationMinSeconds &&
                         length->seconds() <= TimeUtil::kDurationMaxSeconds && same_sign &&
                         std::abs(length->nanos()) < kNanosPerSecond;
      return valid ? Json(TimeUtil::ToString(*length)) : Fail(message, "it is out of range");
    }
    // Other types that have forms of their own.
    if (absl::StartsWith(message.GetDescriptor()->full_name(), "google.protobuf.")) {
      return OwnForm(message);
    }
    return Object(message);
  }

  Json OwnForm(const Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    std::string text;
    const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
    if (!status.ok()) return Fail(message, std::string(status.message()));
    return Json::parse(text, nullptr, /*allow_exceptions=*/false);
  }

  Json Fail(const Message& message, absl::string_view why) {
    if (status_.ok()) {
      status_ = absl::InternalError(
          absl::StrCat("cannot print ", message.GetTypeName(), " as JSON: ", why));
    }
    return nullptr;
  }

  absl::Status status_;
};

}  // namespace

std::string ToText(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

absl::StatusOr<Json> ToJson(const google::protobuf::Message& message) {
  Printer printer;
  Json json = printer.Object(message);
  if (!printer.status().ok()) return printer.status();
  return json;
}

}  // namespace gitops
