#include "common/http/status_pages.h"

#include <exception>
#include <functional>

namespace gitops {
namespace {

StatusPage HealthPage(const std::function<absl::Status()>& check) {
  const absl::Status status = check ? check() : absl::OkStatus();
  if (status.ok()) return {.code = 200, .body = "ok"};
  return {.code = 503, .body = std::string(status.message())};
}

StatusPage MetricsPage(const std::function<std::string()>& text) {
  return {.code = 200,
          .body = text ? text() : "",
          .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

StatusPage RenderStatusPage(const StatusServerOptions& options, absl::string_view method,
                            absl::string_view target) {
  const absl::string_view path = target.substr(0, target.find('?'));
  const bool known = path == "/metrics" || path == "/healthz" || path == "/readyz";
  if (!known) return {.code = 404, .body = "not found; there are /metrics, /healthz and /readyz\n"};
  if (method != "GET" && method != "HEAD") {
    return {.code = 405, .body = "only GET and HEAD are answered here\n"};
  }
  try {
    if (path == "/metrics") return MetricsPage(options.metrics_text);
    return HealthPage(path == "/healthz" ? options.healthy : options.ready);
  } catch (const std::exception& error) {
    return {.code = 500, .body = "this page failed\n"};
  }
}

}  // namespace gitops
