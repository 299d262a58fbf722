#ifndef GITOPS_COMMON_API_API_FILES_H_
#define GITOPS_COMMON_API_API_FILES_H_

#include <google/protobuf/descriptor.h>

#include <vector>

namespace gitops {

// The files of proto/gitops/v1, for code that works on every message or RPC of the API.
// api_files_test fails if one is missing.
std::vector<const google::protobuf::FileDescriptor*> ApiFiles();

// All services of these files.
std::vector<const google::protobuf::ServiceDescriptor*> ApiServices();

// All messages of these files, nested ones too, without map entries.
std::vector<const google::protobuf::Descriptor*> ApiMessages();

}  // namespace gitops

#endif  // GITOPS_COMMON_API_API_FILES_H_
