#include "common/store/convert.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/node_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/sync/mutex.h"
#include "google/protobuf/descriptor.h"

namespace gitops {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::EnumValueDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

const FieldDescriptor* FieldWithJsonName(const Descriptor& descriptor, absl::string_view name) {
  for (int i = 0; i < descriptor.field_count(); ++i) {
    if (descriptor.field(i)->json_name() == name) return descriptor.field(i);
  }
  return nullptr;
}

// Where a field is copied to.
struct Target {
  const FieldDescriptor* field = nullptr;  // null: nowhere
  bool same_wire = false;                  // both are serialized alike
};

bool IsSameWire(const FieldDescriptor& source, const FieldDescriptor& target) {
  return source.number() == target.number() && source.type() == target.type() &&
         source.is_repeated() == target.is_repeated() &&
         source.message_type() == target.message_type();
}

using Types = std::pair<const Descriptor*, const Descriptor*>;

// Of the fields of `from`, in their order.
const std::vector<Target>& FindTargets(const Descriptor& from, const Descriptor& to) {
  static auto& mutex = *new Mutex;
  static auto& known = *new absl::node_hash_map<Types, std::vector<Target>>;
  MutexLock lock(mutex);
  const auto [found, is_new] = known.try_emplace({&from, &to});
  if (is_new) {
    for (int i = 0; i < from.field_count(); ++i) {
      const FieldDescriptor* field = FieldWithJsonName(to, from.field(i)->json_name());
      found->second.push_back(
          {.field = field, .same_wire = field != nullptr && IsSameWire(*from.field(i), *field)});
    }
  }
  return found->second;
}

// The same, kept for each pair of types, since the names take longer to compare than the fields to
// copy. By thread, since a thousand threads convert at once.
const std::vector<Target>& TargetsOf(const Descriptor& from, const Descriptor& to) {
  static thread_local absl::flat_hash_map<Types, const std::vector<Target>*> known;
  const std::vector<Target>*& targets = known[{&from, &to}];
  if (targets == nullptr) targets = &FindTargets(from, to);
  return *targets;
}

// "STEP_KIND_" of StepKind.
std::string PrefixOf(const EnumDescriptor& type) {
  std::string prefix;
  for (char c : type.name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + "_";
}

std::string TextOf(const EnumDescriptor& type, int number) {
  const EnumValueDescriptor* value = type.FindValueByNumber(number);
  if (value == nullptr || number == 0) return "";
  const std::string name(absl::StripPrefix(value->name(), PrefixOf(type)));
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

int NumberOf(const EnumDescriptor& type, const std::string& text) {
  const std::string name = absl::StrReplaceAll(absl::AsciiStrToUpper(text), {{"-", "_"}});
  const EnumValueDescriptor* value = type.FindValueByName(PrefixOf(type) + name);
  return value == nullptr ? 0 : value->number();
}

// One field of one message, and the field it is copied to.
class FieldCopy {
 public:
  FieldCopy(const Message& from, const FieldDescriptor& source, Message& to,
            const FieldDescriptor& target)
      : from_(from), source_(source), to_(to), target_(target) {}

  void Run() {
    if (source_.is_repeated() != target_.is_repeated()) return;
    const int size = source_.is_repeated() ? read().FieldSize(from_, &source_) : 1;
    for (int i = 0; i < size; ++i) CopyValue(i);
  }

 private:
  const Reflection& read() const { return *from_.GetReflection(); }
  const Reflection& write() const { return *to_.GetReflection(); }

  void CopyValue(int i) {
    const auto source = source_.cpp_type();
    const auto target = target_.cpp_type();
    if (source == FieldDescriptor::CPPTYPE_ENUM && target == FieldDescriptor::CPPTYPE_STRING) {
      SetText(TextOf(*source_.enum_type(), Enum(i)));
    } else if (source == FieldDescriptor::CPPTYPE_STRING &&
               target == FieldDescriptor::CPPTYPE_ENUM) {
      SetEnum(NumberOf(*target_.enum_type(), Text(i)));
    } else if (source == target) {
      CopySame(i);
    }
  }

  void CopySame(int i) {
    switch (source_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return CopyMessage(i);
      case FieldDescriptor::CPPTYPE_STRING:
        return SetText(Text(i));
      case FieldDescriptor::CPPTYPE_ENUM:
        return SetEnum(Enum(i));
#define GITOPS_COPY(TYPE, Name)                                                                  \
  case FieldDescriptor::CPPTYPE_##TYPE:                                                          \
    return source_.is_repeated()                                                                 \
               ? write().Add##Name(&to_, &target_, read().GetRepeated##Name(from_, &source_, i)) \
               : write().Set##Name(&to_, &target_, read().Get##Name(from_, &source_))
        GITOPS_COPY(INT32, Int32);
        GITOPS_COPY(INT64, Int64);
        GITOPS_COPY(UINT32, UInt32);
        GITOPS_COPY(UINT64, UInt64);
        GITOPS_COPY(DOUBLE, Double);
        GITOPS_COPY(FLOAT, Float);
        GITOPS_COPY(BOOL, Bool);
#undef GITOPS_COPY
    }
  }

  void CopyMessage(int i) {
    const bool repeated = source_.is_repeated();
    const Message& from = repeated ? read().GetRepeatedMessage(from_, &source_, i)
                                   : read().GetMessage(from_, &source_);
    Message& to =
        repeated ? *write().AddMessage(&to_, &target_) : *write().MutableMessage(&to_, &target_);
    if (from.GetDescriptor() == to.GetDescriptor()) {
      to.CopyFrom(from);
    } else {
      Convert(from, to);
    }
  }

  std::string Text(int i) const {
    std::string scratch;
    return source_.is_repeated() ? read().GetRepeatedStringReference(from_, &source_, i, &scratch)
                                 : read().GetStringReference(from_, &source_, &scratch);
  }
  void SetText(std::string text) {
    if (target_.is_repeated()) return write().AddString(&to_, &target_, std::move(text));
    write().SetString(&to_, &target_, std::move(text));
  }

  int Enum(int i) const {
    return source_.is_repeated() ? read().GetRepeatedEnumValue(from_, &source_, i)
                                 : read().GetEnumValue(from_, &source_);
  }
  void SetEnum(int number) {
    if (target_.is_repeated()) return write().AddEnumValue(&to_, &target_, number);
    write().SetEnumValue(&to_, &target_, number);
  }

  const Message& from_;
  const FieldDescriptor& source_;
  Message& to_;
  const FieldDescriptor& target_;
};

}  // namespace

void Convert(const Message& from, Message& to) {
  to.Clear();
  const Reflection& reflection = *from.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(from, &fields);
  if (fields.empty()) return;
  const std::vector<Target>& targets = TargetsOf(*from.GetDescriptor(), *to.GetDescriptor());
  // Much faster than field by field. It fails where a text is not UTF-8.
  const bool same_wire =
      reflection.GetUnknownFields(from).empty() &&
      std::all_of(fields.begin(), fields.end(), [&](const FieldDescriptor* source) {
        return targets[source->index()].same_wire;
      });
  if (same_wire && to.ParseFromString(from.SerializeAsString())) return;
  to.Clear();
  for (const FieldDescriptor* source : fields) {
    const FieldDescriptor* target = targets[source->index()].field;
    if (target != nullptr) FieldCopy(from, *source, to, *target).Run();
  }
}

}  // namespace gitops
