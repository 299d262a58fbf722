#include "agent/record/utf8_repair.h"

#include "common/text/escape.h"
#include "common/text/utf8.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"

namespace gitops {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

std::string RepairedUtf8(const Descriptor& type, absl::string_view bytes) {
  UnknownFieldSet fields;
  if (!fields.ParseFromString(std::string(bytes))) return "";
  for (int i = 0; i < fields.field_count(); ++i) {
    UnknownField& field = *fields.mutable_field(i);
    const FieldDescriptor* known = type.FindFieldByNumber(field.number());
    if (known == nullptr || field.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    const std::string value = field.length_delimited();
    if (known->type() == FieldDescriptor::TYPE_STRING && !IsValidUtf8(value)) {
      field.set_length_delimited(EscapeText(value));
    } else if (known->type() == FieldDescriptor::TYPE_MESSAGE && !value.empty()) {
      field.set_length_delimited(RepairedUtf8(*known->message_type(), value));
    }
  }
  std::string repaired;
  return fields.SerializeToString(&repaired) ? repaired : "";
}

}  // namespace gitops
