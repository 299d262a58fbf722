#ifndef GITOPS_GATEWAY_GIT_WEBHOOKS_WEBHOOK_ROUTES_H_
#define GITOPS_GATEWAY_GIT_WEBHOOKS_WEBHOOK_ROUTES_H_

#include <functional>
#include <memory>
#include <vector>

#include "common/client/planner_client.h"
#include "common/http/server.h"
#include "common/program_config/webhooks_config.h"
#include "gateway/front/front.h"

namespace gitops {

// The [[webhooks]] now; never null. Called for each request, on any thread.
using CurrentWebhooks = std::function<std::shared_ptr<const std::vector<WebhookSpec>>()>;

// POST /webhooks/git/{provider}: a push makes the services that follow the repository and branch
// look at once. 202 before that, also for pings, tags, and repositories that nobody follows or that
// the secret is not for; 401 unless one of the provider's secrets proves the sender; 404 for a
// provider without [[webhooks]]. `front` must outlive the routes.
std::vector<HttpRoute> GitWebhookRoutes(Front* front, CurrentWebhooks webhooks,
                                        const PlannerClient& planner);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_GIT_WEBHOOKS_WEBHOOK_ROUTES_H_
