#ifndef GITOPS_COMMON_SERVER_HTTP_LIFECYCLE_H_
#define GITOPS_COMMON_SERVER_HTTP_LIFECYCLE_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "common/http/server.h"
#include "common/http/status_routes.h"
#include "common/server/lifecycle.h"

namespace gitops {

// The same as lifecycle.h for a program that serves HTTP, not gRPC, at --listen.

// As CheckServerSettings, but --tls-dir is allowed, and --metrics-listen may be empty.
absl::Status CheckHttpServerSettings(const Settings& settings);

struct HttpProcessOptions {
  // Without services and limits of calls.
  ServerProcessOptions process;
  // The limits; `listen` is that of the settings, and `routes` those that the function returns.
  HttpServerOptions http;
  // Called once. `pages` are the status pages of this process, which the routes should include.
  std::function<std::vector<HttpRoute>(StatusPages pages)> routes;
};

// Serves, and has written the address file, when this returns. The status pages are also served at
// --metrics-listen, if that is not empty. Errors are those of CheckHttpServerSettings and
// HttpServer::Start.
absl::StatusOr<std::unique_ptr<ServerProcess>> StartHttpProcess(const Settings& settings,
                                                                HttpProcessOptions options);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_HTTP_LIFECYCLE_H_
