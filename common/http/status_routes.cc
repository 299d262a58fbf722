#include "common/http/status_routes.h"

#include <utility>

namespace gitops {
namespace {

HttpHandler HealthPage(std::function<absl::Status()> check) {
  return RespondWith([check = std::move(check)](const HttpServerRequest&) -> HttpServerResponse {
    const absl::Status status = check ? check() : absl::OkStatus();
    if (status.ok()) return {.status = 200, .body = "ok"};
    return {.status = 503, .body = std::string(status.message())};
  });
}

HttpHandler MetricsPage(std::function<std::string()> text) {
  return RespondWith([text = std::move(text)](const HttpServerRequest&) -> HttpServerResponse {
    return {.status = 200,
            .body = text ? text() : "",
            .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  });
}

}  // namespace

std::vector<HttpRoute> StatusRoutes(StatusPages pages) {
  return {{.method = "GET", .path = "/metrics", .handler = MetricsPage(pages.metrics_text)},
          {.method = "GET", .path = "/healthz", .handler = HealthPage(pages.healthy)},
          {.method = "GET", .path = "/readyz", .handler = HealthPage(pages.ready)}};
}

HttpServerOptions StatusServerOptions(const std::string& listen, StatusPages pages) {
  HttpServerOptions options;
  options.listen = {listen};
  options.routes = StatusRoutes(std::move(pages));
  options.max_connections = 256;
  options.replace_slow_readers = true;
  options.max_header = 8 << 10;
  options.write_timeout = absl::Seconds(10);
  return options;
}

}  // namespace gitops
