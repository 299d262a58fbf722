#ifndef GITOPS_GATEWAY_API_API_TABLE_H_
#define GITOPS_GATEWAY_API_API_TABLE_H_

#include <google/protobuf/descriptor.h>

#include "absl/strings/string_view.h"
#include "common/api/http_routes.h"

namespace gitops {

// The HTTP rules of the services that the gateway serves as REST: the planner's, with its audit, an
// agent's, and the promotion receiver's. openapi.h describes the same table.
const HttpRoutes& ApiTable();

// The RPC of the table that has this name, which must exist: "ListHosts".
const google::protobuf::MethodDescriptor& ApiMethod(absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_API_TABLE_H_
