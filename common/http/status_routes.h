#ifndef GITOPS_COMMON_HTTP_STATUS_ROUTES_H_
#define GITOPS_COMMON_HTTP_STATUS_ROUTES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/http/server.h"

namespace gitops {

// What the status pages show. The functions are called from event threads and must not block; one
// that is not given stands for success.
struct StatusPages {
  std::function<std::string()> metrics_text;  // for GET /metrics
  std::function<absl::Status()> healthy;      // /healthz: 200 "ok", or 503 and the message
  std::function<absl::Status()> ready;        // /readyz: the same
};

std::vector<HttpRoute> StatusRoutes(StatusPages pages);

// A server of these routes alone, with limits for a port that anybody on the network may reach:
// headers of 8 KiB, 256 connections.
HttpServerOptions StatusServerOptions(const std::string& listen, StatusPages pages);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STATUS_ROUTES_H_
