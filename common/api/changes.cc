#include "common/api/changes.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "common/api/api_files.h"
#include "gitops/v1/options.pb.h"
#include "google/api/annotations.pb.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::MethodDescriptor;
using Methods = std::map<const Descriptor*, const MethodDescriptor*>;

Methods IndexMethods() {
  Methods methods;
  for (const auto* service : ApiServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      methods.emplace(service->method(i)->input_type(), service->method(i));
    }
  }
  return methods;
}

}  // namespace

bool IsChange(const MethodDescriptor& method) {
  const auto& options = method.options();
  if (options.HasExtension(v1::changes_nothing)) return false;
  return !options.GetExtension(google::api::http).has_get();
}

const MethodDescriptor* MethodOf(const Descriptor& request) {
  static const auto& methods = *new Methods(IndexMethods());
  const auto found = methods.find(&request);
  return found == methods.end() ? nullptr : found->second;
}

std::string MethodName(const MethodDescriptor& method) {
  return absl::StrCat(method.service()->name(), ".", method.name());
}

}  // namespace gitops
