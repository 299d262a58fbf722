#ifndef GITOPS_COMMON_API_CHANGES_H_
#define GITOPS_COMMON_API_CHANGES_H_

#include <google/protobuf/descriptor.h>

#include <string>

namespace gitops {

// Whether a call of the RPC asks for a change, as its options in the proto say: it has no GET rule,
// and no gitops.v1.changes_nothing.
bool IsChange(const google::protobuf::MethodDescriptor& method);

// The RPC that has requests of this type: each RPC has its own. Null: none has.
const google::protobuf::MethodDescriptor* MethodOf(const google::protobuf::Descriptor& request);

// "PlannerService.FreezeServices".
std::string MethodName(const google::protobuf::MethodDescriptor& method);

}  // namespace gitops

#endif  // GITOPS_COMMON_API_CHANGES_H_
