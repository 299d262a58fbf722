#include "common/store/convert_testing.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/store/convert.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/message_differencer.h"

namespace gitops {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

bool IsWellKnown(const Descriptor& descriptor) {
  return descriptor.file()->package() == "google.protobuf";
}

// Fills messages whose fields differ from each other and from their defaults.
class Filler {
 public:
  Filler(const std::set<std::string>& left_out, int turn) : left_out_(left_out), turn_(turn) {}

  void Fill(Message& message) {
    const Descriptor& descriptor = *message.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      const FieldDescriptor& field = *descriptor.field(i);
      const auto* oneof = field.real_containing_oneof();
      if (left_out_.contains(field.full_name())) continue;
      // One member of each oneof, another at each turn.
      if (oneof != nullptr && field.index_in_oneof() != turn_ % oneof->field_count()) continue;
      Set(message, field);
      if (field.is_repeated()) Set(message, field);
    }
  }

 private:
  void Set(Message& message, const FieldDescriptor& field) {
    const Reflection& write = *message.GetReflection();
    const bool add = field.is_repeated();
    ++count_;
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Fill(add ? *write.AddMessage(&message, &field)
                        : *write.MutableMessage(&message, &field));
      case FieldDescriptor::CPPTYPE_ENUM: {
        const int number = ValueOf(*field.enum_type());
        return add ? write.AddEnumValue(&message, &field, number)
                   : write.SetEnumValue(&message, &field, number);
      }
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text = absl::StrCat("text ", count_);
        return add ? write.AddString(&message, &field, text)
                   : write.SetString(&message, &field, text);
      }
      case FieldDescriptor::CPPTYPE_INT32:
        return add ? write.AddInt32(&message, &field, count_)
                   : write.SetInt32(&message, &field, count_);
      case FieldDescriptor::CPPTYPE_INT64:
        return add ? write.AddInt64(&message, &field, count_)
                   : write.SetInt64(&message, &field, count_);
      case FieldDescriptor::CPPTYPE_UINT32:
        return add ? write.AddUInt32(&message, &field, count_)
                   : write.SetUInt32(&message, &field, count_);
      case FieldDescriptor::CPPTYPE_BOOL:
        return add ? write.AddBool(&message, &field, true) : write.SetBool(&message, &field, true);
      default:
        return;  // Missing() tells of it.
    }
  }

  int ValueOf(const EnumDescriptor& type) const {
    std::vector<int> numbers;
    for (int i = 0; i < type.value_count(); ++i) {
      if (type.value(i)->number() != 0) numbers.push_back(type.value(i)->number());
    }
    return numbers[turn_ % numbers.size()];
  }

  const std::set<std::string>& left_out_;
  const int turn_;
  int count_ = 0;
};

bool IsSet(const Message& message, const FieldDescriptor& field) {
  const Reflection& read = *message.GetReflection();
  return field.is_repeated() ? read.FieldSize(message, &field) > 0 : read.HasField(message, &field);
}

// The fields that are not set, here and in the messages below; of a oneof, one is enough.
void Missing(const Message& message, const std::set<std::string>& left_out,
             std::set<std::string>& missing) {
  const Descriptor& descriptor = *message.GetDescriptor();
  if (IsWellKnown(descriptor)) return;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (left_out.contains(field.full_name())) continue;
    if (const auto* oneof = field.real_containing_oneof(); oneof != nullptr) {
      if (message.GetReflection()->HasOneof(message, oneof) && !IsSet(message, field)) continue;
    }
    if (!IsSet(message, field)) {
      missing.insert(field.full_name());
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Reflection& read = *message.GetReflection();
      Missing(field.is_repeated() ? read.GetRepeatedMessage(message, &field, 0)
                                  : read.GetMessage(message, &field),
              left_out, missing);
    }
  }
}

}  // namespace

void Fill(Message& message, const std::set<std::string>& left_out, int turn) {
  Filler(left_out, turn).Fill(message);
}

std::string ConversionFaults(Message& api, Message& stored,
                             const std::set<std::string>& not_stored) {
  constexpr int kTurns = 12;  // more than any enum has values
  std::set<std::string> faults;
  for (int turn = 0; turn < kTurns; ++turn) {
    api.Clear();
    Fill(api, not_stored, turn);
    Missing(api, not_stored, faults);
    Convert(api, stored);
    Missing(stored, {}, faults);
    std::unique_ptr<Message> back(api.New());
    Convert(stored, *back);
    std::string difference;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&difference);
    if (!differencer.Compare(api, *back)) faults.insert(difference);
  }
  std::string told;
  for (const std::string& fault : faults) absl::StrAppend(&told, fault, "\n");
  return told;
}

}  // namespace gitops
