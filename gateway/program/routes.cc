#include "gateway/program/routes.h"

#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/client/agent_client.h"
#include "common/rpc/error.h"
#include "common/rpc/tls_files.h"
#include "gateway/api/api_routes.h"
#include "gateway/api/openapi.h"
#include "gateway/gitopper/gitopper_routes.h"
#include "gateway/hooks/hook_routes.h"
#include "gateway/promotions/promotion_routes.h"

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
  options.tls_dir = ClientTlsDir(parts.config->settings);
  options.max_body = static_cast<size_t>(parts.config->max_body);
  options.events.scheduler = parts.scheduler;
  return options;
}

// Of the only agent: without a fleet lookup, unless a planner was named as well. Its default
// address must not make the routes of a single host fail.
GitopperAgents GitopperAgentsFor(const GatewayParts& parts) {
  const Settings& settings = parts.config->settings;
  const ClientOptions base = {
      .address = "", .insecure = settings.GetBool("insecure"), .tls_dir = ClientTlsDir(settings)};
  const std::string agent = settings.Get("agent");
  GitopperAgents agents;
  if (!agent.empty()) {
    agents.only = [agent, base](const Caller& caller) {
      ClientOptions options = base;
      options.address = agent;
      options.caller = caller;
      return AgentClient::New(options);
    };
  }
  if (!parts.clients.planner.has_value() || (!agent.empty() && !settings.IsSet("planner"))) {
    return agents;
  }
  agents.of_host = [planner = *parts.clients.planner, base](
                       const std::string& name,
                       const Caller& caller) -> absl::StatusOr<AgentClient> {
    const absl::StatusOr<v1::Host> host = planner.For(caller).GetHost(name);
    if (!host.ok()) return host.status();
    if (host->address().empty()) {
      return MakeError(Reason::kHostUnreachable,
                       absl::StrCat("the planner has no address of ", name), {{"host", name}});
    }
    ClientOptions options = base;
    options.address = host->address();
    options.server = ServerIdentity{.role = Role::kAgent, .name = host->host()};
    options.caller = caller;
    return AgentClient::New(options);
  };
  return agents;
}

KnownHosts KnownHostsOf(const std::optional<PlannerClient>& planner) {
  if (!planner.has_value()) return nullptr;
  return [planner = *planner](const Caller& caller) -> absl::StatusOr<std::vector<std::string>> {
    const absl::StatusOr<std::vector<v1::Host>> hosts = planner.For(caller).ListHosts({});
    if (!hosts.ok()) return hosts.status();
    std::vector<std::string> names;
    for (const v1::Host& host : *hosts) names.push_back(host.host());
    return names;
  };
}

void AddRoutesForOthers(const GatewayParts& parts, std::vector<HttpRoute>& routes) {
  const GatewayClients& clients = parts.clients;
  Add(GitopperRoutes(parts.front, GitopperAgentsFor(parts)), routes);
  if (clients.promotion_receiver.has_value()) {
    PromotionRoutesOptions options;
    options.max_body = static_cast<size_t>(parts.config->max_body);
    Add(PromotionRoutes(parts.front, *clients.promotion_receiver, options), routes);
  }
  if (clients.hook_dispatcher.has_value()) {
    Add(HookRoutes(parts.front, *clients.hook_dispatcher, KnownHostsOf(clients.planner)), routes);
  }
  if (clients.planner.has_value()) {
    Add(GitWebhookRoutes(parts.front, parts.webhooks, *clients.planner), routes);
  }
}

// Unset: the setting is empty.
template <typename Client>
absl::Status Dial(const Settings& settings, const std::string& setting,
                  std::optional<Client>& client) {
  if (settings.Get(setting).empty()) return absl::OkStatus();
  absl::StatusOr<Client> dialled = Client::New({.address = settings.Get(setting),
                                                .insecure = settings.GetBool("insecure"),
                                                .tls_dir = ClientTlsDir(settings)});
  if (!dialled.ok()) {
    return WithMessage(dialled.status(),
                       absl::StrCat(settings.Origin(setting), ": ", dialled.status().message()));
  }
  client.emplace(*std::move(dialled));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GatewayClients> GatewayClients::New(const Settings& settings) {
  GatewayClients clients;
  absl::Status status;
  if (const std::string directory = ClientTlsDir(settings); !directory.empty()) {
    auto files = TlsFiles::Open(directory);
    status = files.ok() ? (*files)->Require(Role::kGateway) : files.status();
    if (files.ok()) clients.tls = *std::move(files);
    if (!status.ok()) return WithMessage(status, absl::StrCat("--tls-dir: ", status.message()));
  }
  if (status.ok()) status = Dial(settings, "planner", clients.planner);
  if (status.ok()) status = Dial(settings, "promotion-receiver", clients.promotion_receiver);
  if (status.ok()) status = Dial(settings, "hook-dispatcher", clients.hook_dispatcher);
  if (!status.ok()) return status;
  return clients;
}

std::vector<HttpRoute> GatewayRoutes(const GatewayParts& parts, StatusPages pages) {
  std::vector<HttpRoute> routes;
  Add(GuardedStatusRoutes(parts, std::move(pages)), routes);
  Add(ApiRoutes(ApiOptionsFor(parts)), routes);
  routes.push_back(EventsRoute(ApiOptionsFor(parts)));
  routes.push_back(OpenApiRoute(parts.front));
  AddRoutesForOthers(parts, routes);
  return routes;
}

}  // namespace gitops
