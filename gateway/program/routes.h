#ifndef GITOPS_GATEWAY_PROGRAM_ROUTES_H_
#define GITOPS_GATEWAY_PROGRAM_ROUTES_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/client/dispatcher_client.h"
#include "common/client/planner_client.h"
#include "common/client/promotion_client.h"
#include "common/http/server.h"
#include "common/http/status_routes.h"
#include "common/rpc/tls_files.h"
#include "common/schedule/scheduler.h"
#include "gateway/api/rpc_caller.h"
#include "gateway/api/stream_answer.h"
#include "gateway/front/front.h"
#include "gateway/git_webhooks/webhook_routes.h"
#include "gateway/program/settings.h"

namespace gitops {

// The same servers, for the routes that are not of the API. Unset: the gateway has none.
struct GatewayClients {
  std::optional<PlannerClient> planner;
  std::optional<PromotionClient> promotion_receiver;
  std::optional<DispatcherClient> hook_dispatcher;
  std::shared_ptr<TlsFiles> tls;  // for calls; null: plain text

  // Does not connect yet. INVALID_ARGUMENT: a bad address.
  static absl::StatusOr<GatewayClients> New(const Settings& settings);
};

// What routes are made of. None is owned; all outlive the routes.
struct GatewayParts {
  const GatewayConfig* config = nullptr;
  Front* front = nullptr;
  RpcCaller* caller = nullptr;
  Heartbeats* heartbeats = nullptr;
  Scheduler* scheduler = nullptr;
  // Null: the gateway has none.
  std::shared_ptr<const Backend> planner;
  std::shared_ptr<const Backend> promotion_receiver;
  std::shared_ptr<const Backend> agent;
  GatewayClients clients;
  CurrentWebhooks webhooks;
};

// All routes of the gateway: the one place where they are added. `pages` are the status pages of
// the process.
std::vector<HttpRoute> GatewayRoutes(const GatewayParts& parts, StatusPages pages);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_PROGRAM_ROUTES_H_
