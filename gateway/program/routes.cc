#include "gateway/program/routes.h"

#include <iterator>
#include <utility>

#include "gateway/api/api_routes.h"
#include "gateway/api/openapi.h"

namespace gitops {
namespace {

void Add(std::vector<HttpRoute> more, std::vector<HttpRoute>& routes) {
  routes.insert(routes.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

// /healthz and /readyz are for probes, which have no token; the metrics are guarded.
std::vector<HttpRoute> GuardedStatusRoutes(const GatewayParts& parts, StatusPages pages) {
  std::vector<HttpRoute> routes = StatusRoutes(std::move(pages));
  for (HttpRoute& route : routes) {
    if (route.path != "/metrics") continue;
    route.handler = parts.front->Guard(
        Access::kMetrics, [handler = std::move(route.handler)](
                              const GatewayCaller&, std::unique_ptr<HttpExchange> exchange) {
          handler(std::move(exchange));
        });
  }
  return routes;
}

ApiOptions ApiOptionsFor(const GatewayParts& parts) {
  ApiOptions options;
  options.front = parts.front;
  options.caller = parts.caller;
  options.heartbeats = parts.heartbeats;
  options.planner = parts.planner;
  options.promotion_receiver = parts.promotion_receiver;
  options.agent = parts.agent;
  options.insecure = parts.config->settings.GetBool("insecure");
  options.max_body = static_cast<size_t>(parts.config->max_body);
  return options;
}

}  // namespace

std::vector<HttpRoute> GatewayRoutes(const GatewayParts& parts, StatusPages pages) {
  std::vector<HttpRoute> routes;
  Add(GuardedStatusRoutes(parts, std::move(pages)), routes);
  Add(ApiRoutes(ApiOptionsFor(parts)), routes);
  routes.push_back(EventsRoute(ApiOptionsFor(parts)));
  routes.push_back(OpenApiRoute(parts.front));
  return routes;
}

}  // namespace gitops
