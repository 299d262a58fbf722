#include "common/rpc/request_checks.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

constexpr size_t kMaxReason = 1000;
constexpr size_t kShortestHash = 4;
constexpr size_t kMaxHash = 64;

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// In a list, 0 (unspecified) has no meaning.
absl::Status CheckEnum(const Message& message, const FieldDescriptor& field,
                       const std::string& name) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const int count = field.is_repeated() ? reflection.FieldSize(message, &field) : 1;
  for (int i = 0; i < count; ++i) {
    const int value = field.is_repeated() ? reflection.GetRepeatedEnumValue(message, &field, i)
                                          : reflection.GetEnumValue(message, &field);
    const bool known = field.enum_type()->FindValueByNumber(value) != nullptr;
    if (known && (value != 0 || !field.is_repeated())) continue;
    return InvalidField(name,
                        absl::StrCat(name, ": ", value, " is no ", field.enum_type()->name()));
  }
  return absl::OkStatus();
}

absl::Status CheckSetFields(const Message& message, const std::string& path) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> set;
  reflection.ListFields(message, &set);
  absl::Status status;
  for (const FieldDescriptor* field : set) {
    const std::string name = absl::StrCat(path, field->name());
    const bool nested = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (nested && !field->is_repeated()) {
      status.Update(CheckSetFields(reflection.GetMessage(message, field), name + "."));
    } else if (nested) {
      for (int i = 0; i < reflection.FieldSize(message, field) && status.ok(); ++i) {
        status.Update(CheckSetFields(reflection.GetRepeatedMessage(message, field, i),
                                     absl::StrCat(name, "[", i, "].")));
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      status.Update(CheckEnum(message, *field, name));
    } else if (field->has_presence() && field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
               reflection.GetString(message, field).empty()) {
      return InvalidField(
          name, absl::StrCat(name, " is set, but empty; give a value, or leave it unset"));
    }
  }
  return status;
}

}  // namespace

absl::Status CheckReason(const std::string& reason) {
  if (reason.size() <= kMaxReason) return absl::OkStatus();
  return InvalidField("reason", absl::StrCat("the reason has ", reason.size(), " bytes; at most ",
                                             kMaxReason, " are allowed"));
}

absl::Status CheckHash(const std::string& hash, absl::string_view field) {
  const bool hex = std::all_of(hash.begin(), hash.end(), absl::ascii_isxdigit);
  if (hex && hash.size() >= kShortestHash && hash.size() <= kMaxHash) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("\"", absl::CHexEscape(hash.substr(0, kMaxHash)),
                                          "\" is not a commit: give ", kShortestHash, " to ",
                                          kMaxHash, " hexadecimal digits"));
}

absl::Status CheckSetFields(const Message& request) { return CheckSetFields(request, ""); }

}  // namespace gitops
