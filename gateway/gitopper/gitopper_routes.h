#ifndef GITOPS_GATEWAY_GITOPPER_GITOPPER_ROUTES_H_
#define GITOPS_GATEWAY_GITOPPER_GITOPPER_ROUTES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/client/agent_client.h"
#include "common/client/client.h"
#include "common/http/server.h"
#include "gateway/front/front.h"

namespace gitops {

// The agents that gitopper's REST can reach. Both functions may be null, and are called on threads
// of the pool.
struct GitopperAgents {
  // The agent of a host of the fleet. NOT_FOUND (HOST_UNKNOWN): the fleet has no such host; any
  // other error is the answer.
  std::function<absl::StatusOr<AgentClient>(const std::string& host, const Caller&)> of_host;
  // The agent of --agent.
  std::function<absl::StatusOr<AgentClient>(const Caller&)> only;
};

// gitopper's REST (https://github.com/miekg/gitopper, November 2022):
//   GET  /list/machines, /list/services, /list/service/{service}
//   POST /state/freeze/{service}, /state/unfreeze/{service}, /state/rollback/{service}/{hash}
// The agent is that of the host in the Host header, if the fleet has this host, else `only`.
// Answers, also "Not Found" and "not a valid git hash", are gitopper's; errors that gitopper did
// not have are problems. As in gitopper, a rollback is answered before it has ended, unless it ends
// within a second: gitopperctl waits no longer. `front` must outlive the routes.
std::vector<HttpRoute> GitopperRoutes(Front* front, const GitopperAgents& agents);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_GITOPPER_GITOPPER_ROUTES_H_
