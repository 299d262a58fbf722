#include "gateway/api/etag.h"

#include <google/protobuf/descriptor.h>

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* VersionField(const google::protobuf::Descriptor& resource) {
  const FieldDescriptor* etag = resource.FindFieldByName("etag");
  return etag != nullptr ? etag : resource.FindFieldByName("generation");
}

std::string VersionOf(const Message& resource) {
  const FieldDescriptor& version = *VersionField(*resource.GetDescriptor());
  if (version.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return resource.GetReflection()->GetString(resource, &version);
  }
  const int64_t number = resource.GetReflection()->GetInt64(resource, &version);
  return number == 0 ? "" : absl::StrCat(number);
}

}  // namespace

const FieldDescriptor* VersionedResource(const google::protobuf::Descriptor& answer) {
  const FieldDescriptor* resource = nullptr;
  for (int i = 0; i < answer.field_count(); ++i) {
    const FieldDescriptor* field = answer.field(i);
    if (field->message_type() == nullptr) continue;
    if (field->is_repeated() || resource != nullptr) return nullptr;
    resource = field;
  }
  const bool versioned = resource != nullptr && VersionField(*resource->message_type()) != nullptr;
  return versioned ? resource : nullptr;
}

std::string EtagOf(const Message& answer) {
  const FieldDescriptor* resource = VersionedResource(*answer.GetDescriptor());
  if (resource == nullptr) return "";
  const std::string version = VersionOf(answer.GetReflection()->GetMessage(answer, resource));
  return version.empty() ? "" : absl::StrCat("W/\"", version, "\"");
}

bool EtagMatches(absl::string_view header, absl::string_view etag) {
  if (etag.empty() || header.empty()) return false;
  for (absl::string_view each : absl::StrSplit(header, ',')) {
    each = absl::StripAsciiWhitespace(each);
    if (each == "*" || absl::StripPrefix(each, "W/") == absl::StripPrefix(etag, "W/")) return true;
  }
  return false;
}

}  // namespace gitops
