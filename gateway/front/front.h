#ifndef GITOPS_GATEWAY_FRONT_FRONT_H_
#define GITOPS_GATEWAY_FRONT_FRONT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/client/client.h"
#include "common/http/server.h"

namespace gitops {

// The role of a token. Each includes those before it, but an approver is no operator.
enum class Role { kViewer, kOperator, kApprover, kAdmin };

// Who makes a request.
struct GatewayCaller {
  // The token's name; empty: without a token.
  std::string name;
  std::optional<Role> role;
  // The client's address: the connection's, or the one that a trusted proxy names.
  std::string address;
  std::string traceparent;

  // For the clients of common/client: the gateway calls on behalf of this caller.
  Caller ForService() const;
};

// What a route asks of its callers.
enum class Access {
  // Nothing: the route checks signatures itself, or shows nothing.
  kOpen,
  // A valid token, whatever its role.
  kViewer,
  kOperator,
  kApprover,
  kAdmin,
  // gitopper's routes: as kViewer or kOperator, unless --gitopper-access opens them.
  kGitopperRead,
  kGitopperWrite,
};

using CallerHandler = std::function<void(const GatewayCaller&, std::unique_ptr<HttpExchange>)>;

// What every request of the gateway passes: the rate limit per address and per token, the token,
// the trace, the access log. Thread-safe.
class Front {
 public:
  virtual ~Front() = default;
  // A handler for an HttpRoute that answers callers without access with a problem: 401 without a
  // valid token, 403 with too low a role, 429 over the rate limit. The Front must outlive it.
  virtual HttpHandler Guard(Access access, CallerHandler handler) = 0;
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_FRONT_H_
