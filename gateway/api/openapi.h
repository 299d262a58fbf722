#ifndef GITOPS_GATEWAY_API_OPENAPI_H_
#define GITOPS_GATEWAY_API_OPENAPI_H_

#include "common/api/http_routes.h"
#include "common/http/server.h"
#include "common/json/json.h"
#include "gateway/front/front.h"

namespace gitops {

// The description of the routes of a table, with /v1/events, in OpenAPI 3.1: operationIds are the
// names of the RPCs; schemas have the JSON form of common/json.
Json OpenApi(const HttpRoutes& table);

// GET /openapi.json: the description of ApiTable(). `front` must outlive it.
HttpRoute OpenApiRoute(Front* front);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_OPENAPI_H_
