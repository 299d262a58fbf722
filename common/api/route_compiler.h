#ifndef GITOPS_COMMON_API_ROUTE_COMPILER_H_
#define GITOPS_COMMON_API_ROUTE_COMPILER_H_

#include "common/api/http_routes.h"
#include "google/api/http.pb.h"

namespace gitops {

// The route of one rule. Errors are those of HttpRoutes::Compile. `host_variable`: see RpcRoute.
absl::StatusOr<RpcRoute> CompileRoute(const google::protobuf::MethodDescriptor& method,
                                      const google::api::HttpRule& rule,
                                      const std::string& host_variable);

}  // namespace gitops

#endif  // GITOPS_COMMON_API_ROUTE_COMPILER_H_
