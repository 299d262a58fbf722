#ifndef GITOPS_GATEWAY_API_API_ROUTES_H_
#define GITOPS_GATEWAY_API_API_ROUTES_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "common/http/server.h"
#include "gateway/api/rpc_caller.h"
#include "gateway/api/shared_watch.h"
#include "gateway/api/stream_answer.h"
#include "gateway/front/front.h"

namespace gitops {

struct ApiOptions {
  // None is owned; all must outlive the routes.
  Front* front = nullptr;
  RpcCaller* caller = nullptr;
  Heartbeats* heartbeats = nullptr;
  // Null: the gateway has none, and their routes answer 503.
  std::shared_ptr<const Backend> planner;
  std::shared_ptr<const Backend> promotion_receiver;
  // The only agent that the gateway is given; null: none.
  std::shared_ptr<const Backend> agent;
  bool insecure = false;     // plain text to agents on other machines
  std::string tls_dir = {};  // for TLS to them; empty: none
  size_t max_body = 1 << 20;
  // Of /v1/events: the scheduler and the limits; its caller and call are set by EventsRoute().
  SharedWatch::Options events;
};

// The routes /v1/…: the JSON form of the gRPC API, by the rules of ApiTable(). They take no thread
// while they wait.
std::vector<HttpRoute> ApiRoutes(ApiOptions options);

// GET /v1/events: the changes of the fleet, of deployments and of promotions, as one stream of
// server-sent events (see event_stream.h). Its watches end with the route, which must not outlive
// the scheduler and the caller.
HttpRoute EventsRoute(ApiOptions options);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_API_ROUTES_H_
