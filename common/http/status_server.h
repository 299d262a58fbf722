#ifndef GITOPS_COMMON_HTTP_STATUS_SERVER_H_
#define GITOPS_COMMON_HTTP_STATUS_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace gitops {

struct StatusServerOptions {
  std::string listen;  // "HOST:PORT"; port 0 picks one; no host: every interface; "unix:PATH"
  std::function<std::string()> metrics_text;  // for GET /metrics
  std::function<absl::Status()> healthy;      // /healthz: 200 "ok", or 503 and the message
  std::function<absl::Status()> ready;        // /readyz: the same
  // How long a client may take to send a request, and again to take the answer.
  absl::Duration client_timeout = absl::Seconds(10);
};

// A small HTTP/1.1 server (Boost.Beast, one thread) for /metrics, /healthz and /readyz: GET and
// HEAD; 404 and 405 otherwise; requests over 8 KiB are refused, clients slower than 10 s are
// dropped, so are connections beyond 256. The functions are called from its thread; one that is not
// given answers as if all were well.
class StatusServer {
 public:
  // UNAVAILABLE: cannot bind; names the address. INVALID_ARGUMENT: a bad one.
  static absl::StatusOr<std::unique_ptr<StatusServer>> Start(StatusServerOptions options);
  virtual ~StatusServer() = default;  // stops within a second
  virtual const std::string& address() const = 0;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_STATUS_SERVER_H_
