#ifndef GITOPS_COMMON_HTTP_STATUS_ROUTES_H_
#define GITOPS_COMMON_HTTP_STATUS_ROUTES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/http/server.h"

namespace gitops {

// The content of the status pages. The functions are called on event threads and must not block; a
// missing function means success.
struct StatusPages {
  std::function<std::string()> metrics_text;  // for GET /metrics
  std::function<absl::Status()> healthy;      // /healthz: 200 "ok", or 503 and the message
  std::function<absl::Status()> ready;        // /readyz: the same
};

std::vector<HttpRoute> StatusRoutes(StatusPages pages);

// A server with only these routes, and with limits for a port that is open to the network: headers
// of 8 KiB, 256 connections.
HttpServerOptions StatusServerOptions(const std::string& listen, StatusPages pages);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STATUS_ROUTES_H_
