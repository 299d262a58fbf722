#include "common/audit/targets.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/text/utf8.h"
#include "gitops/v1/options.pb.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMostTargets = 20;
constexpr size_t kMostBytes = 200;
constexpr int kMostItems = 20;    // of a list of values
constexpr int kMostMessages = 5;  // of a list of messages

// The value of a single field, or of an element of a list.
std::string ValueText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& read = *message.GetReflection();
  const bool list = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return list ? read.GetRepeatedString(message, &field, index)
                  : read.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return (list ? read.GetRepeatedBool(message, &field, index) : read.GetBool(message, &field))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return std::string(
          (list ? read.GetRepeatedEnum(message, &field, index) : read.GetEnum(message, &field))
              ->name());
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(list ? read.GetRepeatedInt32(message, &field, index)
                               : read.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(list ? read.GetRepeatedInt64(message, &field, index)
                               : read.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(list ? read.GetRepeatedUInt32(message, &field, index)
                               : read.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(list ? read.GetRepeatedUInt64(message, &field, index)
                               : read.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(list ? read.GetRepeatedDouble(message, &field, index)
                               : read.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(list ? read.GetRepeatedFloat(message, &field, index)
                               : read.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return "";
}

class Targets {
 public:
  void AddFields(const Message& message, const std::string& path) {
    const Reflection& read = *message.GetReflection();
    std::vector<const FieldDescriptor*> set;
    read.ListFields(message, &set);
    for (const FieldDescriptor* field : set) {
      if (field->type() == FieldDescriptor::TYPE_BYTES ||
          field->options().GetExtension(v1::unrecorded)) {
        continue;
      }
      const std::string name = absl::StrCat(path, field->name());
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
        Add(name, Values(message, *field));
      } else if (!field->is_repeated()) {
        AddMessage(read.GetMessage(message, field), name);
      } else {
        const int size = read.FieldSize(message, field);
        for (int i = 0; i < std::min(size, kMostMessages); ++i) {
          AddMessage(read.GetRepeatedMessage(message, field, i), absl::StrCat(name, "[", i, "]"));
        }
        if (size > kMostMessages) Add(name, absl::StrCat(size, " elements"));
      }
    }
  }

  google::protobuf::RepeatedPtrField<record::v1::AuditTarget> Take() {
    if (left_out_ > 0) Append("…", absl::StrCat(left_out_, " more fields"));
    return std::move(targets_);
  }

 private:
  void AddMessage(const Message& message, const std::string& name) {
    if (const auto* duration = dynamic_cast<const google::protobuf::Duration*>(&message)) {
      return Add(name, absl::FormatDuration(FromDuration(*duration)));
    }
    if (const auto* time = dynamic_cast<const google::protobuf::Timestamp*>(&message)) {
      return Add(name, absl::FormatTime(FromTimestamp(*time), absl::UTCTimeZone()));
    }
    AddFields(message, absl::StrCat(name, "."));
  }

  static std::string Values(const Message& message, const FieldDescriptor& field) {
    if (!field.is_repeated()) return ValueText(message, field, 0);
    const int size = message.GetReflection()->FieldSize(message, &field);
    std::string text;
    for (int i = 0; i < std::min(size, kMostItems); ++i) {
      absl::StrAppend(&text, i == 0 ? "" : ", ", ValueText(message, field, i));
    }
    return size > kMostItems ? absl::StrCat(size, ": ", text, ", …") : text;
  }

  void Add(const std::string& name, const std::string& value) {
    if (targets_.size() < kMostTargets) return Append(name, value);
    ++left_out_;
  }

  void Append(const std::string& name, const std::string& value) {
    record::v1::AuditTarget& target = *targets_.Add();
    target.set_name(ValidUtf8(name, kMostBytes));
    target.set_value(ValidUtf8(value, kMostBytes));
    if (value.size() > kMostBytes) *target.mutable_value() += "…";
  }

  google::protobuf::RepeatedPtrField<record::v1::AuditTarget> targets_;
  int left_out_ = 0;
};

}  // namespace

google::protobuf::RepeatedPtrField<record::v1::AuditTarget> TargetsOf(const Message& request) {
  Targets targets;
  targets.AddFields(request, "");
  return targets.Take();
}

}  // namespace gitops
