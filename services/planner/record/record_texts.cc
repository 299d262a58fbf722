#include "services/planner/record/record_texts.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/text/utf8.h"
#include "google/protobuf/descriptor.h"

namespace gitops {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

// Shorter texts would be useless.
constexpr size_t kLeastTextBytes = 64;

// By the field's name, which means the same in every message of a record.
size_t LimitOf(const FieldDescriptor& field, size_t most) {
  const absl::string_view name = field.name();
  for (absl::string_view output : {"output", "request", "response"}) {
    if (name == output) return std::min(kMostOutputBytes, most);
  }
  for (absl::string_view text : {"message", "error", "halt_reason", "reason", "url"}) {
    if (name == text) return std::min(kMostMessageBytes, most);
  }
  return std::numeric_limits<size_t>::max();
}

// Most texts are short, and each save looks at dozens of them.
bool IsFine(const std::string& text, const FieldDescriptor& field, size_t most) {
  const bool fits = text.size() <= kLeastTextBytes || text.size() <= LimitOf(field, most);
  return fits && IsValidUtf8(text);
}

void BoundField(Message& message, const FieldDescriptor& field, size_t most) {
  const Reflection& reflection = *message.GetReflection();
  std::string scratch;
  if (!field.is_repeated()) {
    const std::string& text = reflection.GetStringReference(message, &field, &scratch);
    if (IsFine(text, field, most)) return;
    return reflection.SetString(&message, &field, ValidUtf8(text, LimitOf(field, most)));
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const std::string& text = reflection.GetRepeatedStringReference(message, &field, i, &scratch);
    if (IsFine(text, field, most)) continue;
    reflection.SetRepeatedString(&message, &field, i, ValidUtf8(text, LimitOf(field, most)));
  }
}

// Cuts all texts for people to `most` bytes.
void Bound(Message& message, size_t most) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      BoundField(message, *field, most);
    } else if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      continue;
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        Bound(*reflection.MutableRepeatedMessage(&message, field, i), most);
      }
    } else {
      Bound(*reflection.MutableMessage(&message, field), most);
    }
  }
}

template <typename Parts>
void KeepNewest(Parts& parts) {
  if (parts.size() > kMostStepParts) parts.DeleteSubrange(0, parts.size() - kMostStepParts);
}

}  // namespace

void BoundTexts(Message& message) { Bound(message, kMostOutputBytes); }

void BoundStep(record::v1::StepRecord& step) {
  KeepNewest(*step.mutable_actions());
  KeepNewest(*step.mutable_hook_calls());
  BoundTexts(step);
  for (size_t most = kMostOutputBytes / 2;
       step.ByteSizeLong() > kMostStepBytes && most >= kLeastTextBytes; most /= 2) {
    Bound(step, most);
  }
}

}  // namespace gitops
