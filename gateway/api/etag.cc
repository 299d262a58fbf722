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

std::string VersionOf(const Message& resource) {
  if (const auto* etag = resource.GetDescriptor()->FindFieldByName("etag")) {
    return resource.GetReflection()->GetString(resource, etag);
  }
  const auto* generation = resource.GetDescriptor()->FindFieldByName("generation");
  if (generation == nullptr || generation->cpp_type() != FieldDescriptor::CPPTYPE_INT64) return "";
  const int64_t number = resource.GetReflection()->GetInt64(resource, generation);
  return number == 0 ? "" : absl::StrCat(number);
}

}  // namespace

std::string EtagOf(const Message& answer) {
  const FieldDescriptor* resource = nullptr;
  for (int i = 0; i < answer.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = answer.GetDescriptor()->field(i);
    if (field->message_type() == nullptr) continue;
    if (field->is_repeated() || resource != nullptr) return "";
    resource = field;
  }
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
