#ifndef GITOPS_CTL_GATEWAY_GATEWAY_PROXY_H_
#define GITOPS_CTL_GATEWAY_GATEWAY_PROXY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/log/secret.h"

namespace gitops::ctl {

struct GatewayProxyOptions {
  std::string url;  // of the gateway: "https://ops.example"
  Secret token;     // empty: none is sent
  // Directory with ca.crt, which then is the only authority, and with tls.crt and tls.key if the
  // client has a certificate. Empty: the system's authorities.
  std::string tls_dir;
  // The host whose agent is served; empty: none.
  std::string host;
};

// Serves the API of the planner and of the promotion receiver, or of the agent of one host, by
// calling a gateway over REST, so that every client of common/client works through it. Listens on a
// unix socket that only this user can open.
class GatewayProxy {
 public:
  // UNAVAILABLE, INTERNAL: the socket cannot be made.
  static absl::StatusOr<std::unique_ptr<GatewayProxy>> Start(GatewayProxyOptions options);
  // Ends the calls.
  virtual ~GatewayProxy() = default;

  // For ClientOptions: "unix:PATH".
  virtual const std::string& address() const = 0;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_GATEWAY_GATEWAY_PROXY_H_
