#ifndef GITOPS_COMMON_JSON_ENUM_NAME_H_
#define GITOPS_COMMON_JSON_ENUM_NAME_H_

#include <google/protobuf/descriptor.h>

#include <string>

namespace gitops {

// The common prefix of an enum's values: ServiceState -> "SERVICE_STATE_".
std::string EnumPrefix(const google::protobuf::EnumDescriptor& type);

}  // namespace gitops

#endif  // GITOPS_COMMON_JSON_ENUM_NAME_H_
