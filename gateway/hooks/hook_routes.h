#ifndef GITOPS_GATEWAY_HOOKS_HOOK_ROUTES_H_
#define GITOPS_GATEWAY_HOOKS_HOOK_ROUTES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/client/client.h"
#include "common/client/dispatcher_client.h"
#include "common/http/server.h"
#include "gateway/front/front.h"

namespace gitops {

// The names of the fleet's hosts, which hooks at select points may add. Null: they may add none.
using KnownHosts = std::function<absl::StatusOr<std::vector<std::string>>(const Caller&)>;

// POST /hooks/{point}: calls the hooks of a point for another deployer, with the JSON that hooks
// receive, and answers with their result in the same form. Takes X-Gitops-Result (ok, failed,
// skipped; at post- points), X-Gitops-Deployment and Idempotency-Key. 409 (HOOK_STOPPED): a hook
// stopped the chain. For operators. `front` must outlive the routes.
std::vector<HttpRoute> HookRoutes(Front* front, const DispatcherClient& dispatcher,
                                  KnownHosts known_hosts);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_HOOKS_HOOK_ROUTES_H_
