#ifndef GITOPS_GATEWAY_FRONT_FRONT_H_
#define GITOPS_GATEWAY_FRONT_FRONT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/audit/audit_log.h"
#include "common/client/client.h"
#include "common/clock/clock.h"
#include "common/http/rate_limiter.h"
#include "common/http/server.h"
#include "common/metrics/metrics.h"
#include "common/tls/identity.h"
#include "gateway/front/proxies.h"
#include "gateway/front/tokens.h"

namespace gitops {

// Who makes a request.
struct GatewayCaller {
  // The token's name; empty: without a token.
  std::string name;
  std::optional<Role> role;
  // The client's address: the connection's, or the one that a trusted proxy names.
  std::string address;
  // The hosts that the token is limited to. Without a token: everything.
  HostScope scope;
  std::string traceparent;
  // What services may do for it: the token's role, or what its route needs if it is open to callers
  // without a token (--gitopper-access). None: the gateway calls on its own account, with what the
  // route has checked itself.
  std::optional<Role> acts_as;
  // Whether the token would be admitted to the route now: it may have been removed, or expired,
  // since. For streams. Empty: the caller has none. Any thread, while the Front exists.
  std::function<absl::Status()> check_again;

  // For the clients of common/client: the gateway calls on behalf of this caller.
  Caller ForService() const;
};

// What a route asks of its callers.
//
// A token that is limited to hosts is refused by all but kApi and those that need no token: only
// the API knows which hosts a request concerns.
enum class Access {
  // Nothing: the route checks signatures itself, or shows nothing.
  kOpen,
  // A valid token, whatever its role.
  kViewer,
  kOperator,
  kApprover,
  kAdmin,
  // A valid token. The route itself checks the role (CheckRole) and the hosts of the caller's
  // scope.
  kApi,
  // gitopper's routes: as kViewer or kOperator, unless --gitopper-access opens them.
  kGitopperRead,
  kGitopperWrite,
  // The metrics: nothing from a client on this machine, else as kViewer.
  kMetrics,
};

// What --gitopper-access opens to callers without a token.
enum class GitopperAccess { kNone, kRead, kWrite };

// Whether the caller's token has the role that `access` asks for. UNAUTHENTICATED: no token;
// PERMISSION_DENIED: too low a role. For routes that know what they need only after they have read
// the request; the others leave it to Front::Guard.
absl::Status CheckRole(Access access, const GatewayCaller& caller);

using CallerHandler = std::function<void(const GatewayCaller&, std::unique_ptr<HttpExchange>)>;

// A limit for handlers that hold a thread of the pool while they wait for other servers, so that
// threads are left for other routes. Copies share it. Thread-safe.
class CallLimit {
 public:
  explicit CallLimit(int most = 12) : most_(most) {}
  // A handler that refuses requests with TOO_MANY_CALLS while `most` of all its handlers run.
  CallerHandler Limit(CallerHandler handler) const;

 private:
  const int most_;
  const std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);
};

// What every request of the gateway passes: the rate limit per address and per token, the token,
// the trace, the access log. Thread-safe.
class Front {
 public:
  virtual ~Front() = default;
  // A handler for an HttpRoute that answers callers without access with a problem: 401 without a
  // valid token, 403 with too low a role, 429 over the rate limit. The Front must outlive it.
  virtual HttpHandler Guard(Access access, CallerHandler handler) = 0;
  // Records in the audit that a route refused a request because of who made it. Guard() does it for
  // those that it refuses itself.
  virtual void Refused(const GatewayCaller& caller, const HttpServerRequest& request,
                       const absl::Status& why) = 0;
};

struct FrontOptions {
  // The valid tokens now; never null. Called for each request, on any thread.
  std::function<std::shared_ptr<const Tokens>()> tokens;
  // Whom a JWT proves, as IssuerKeys::Identify; empty: JWTs are not accepted. Any thread.
  std::function<absl::StatusOr<Token>(absl::string_view jwt)> identify;
  TrustedProxies proxies;
  RateLimit rate_limit;  // of an address, and again of a token
  GitopperAccess gitopper_access = GitopperAccess::kNone;
  Clock* clock = Clock::System();             // not owned
  Metrics* metrics = nullptr;                 // not owned; may be null
  std::shared_ptr<AuditLog> audit = nullptr;  // null: refused requests are not recorded
};
std::unique_ptr<Front> NewFront(FrontOptions options);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_FRONT_H_
