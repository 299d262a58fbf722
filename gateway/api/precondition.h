#ifndef GITOPS_GATEWAY_API_PRECONDITION_H_
#define GITOPS_GATEWAY_API_PRECONDITION_H_

#include <google/protobuf/message.h>

#include <memory>

#include "common/api/http_routes.h"

namespace gitops {

// The route that reads the resource on which `route` of the table acts:
// "/v1/deployments/{id}:cancel" acts on the one of GET "/v1/deployments/{id}". Null: it acts on
// none that is read by its path.
const RpcRoute* ResourceRoute(const HttpRoutes& table, const RpcRoute& route);

// The request of that route, with the names that `request` has from its path.
std::unique_ptr<google::protobuf::Message> ResourceRequest(
    const RpcRoute& resource, const google::protobuf::Message& request);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_PRECONDITION_H_
