#ifndef GITOPS_SERVICES_PLANNER_JOIN_ENROLMENT_H_
#define GITOPS_SERVICES_PLANNER_JOIN_ENROLMENT_H_

#include <prometheus/counter.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/http/rate_limiter.h"
#include "common/http/server.h"
#include "common/metrics/metrics.h"
#include "common/tls/authority.h"
#include "common/tls/join_tokens.h"

namespace gitops {

struct EnrolmentOptions {
  std::string issuer_dir;  // of a CertificateAuthority
  // Not owned.
  Clock* clock = nullptr;
  Metrics* metrics = nullptr;
  RateLimit of_address = {.per_second = 5, .burst = 50};
  RateLimit of_host = {.per_second = 1.0 / 60, .burst = 10};  // renewals
};

// Gives hosts their certificates: the first one for a join token, over HTTPS, and later ones to
// agents that have one. Thread-safe.
class Enrolment {
 public:
  // Checks that there is an authority with a usable key. Errors as CertificateAuthority::Open.
  static absl::StatusOr<std::unique_ptr<Enrolment>> Open(const EnrolmentOptions& options);

  // Serves HTTPS with these PEM files, which are reread when they change:
  //   GET /v1/join/authorities: {"authorities": PEM, "links": PEM}. Secret from nobody: who joins
  //     checks them by a hash.
  //   POST /v1/join {"host", "token", "request": PKCS#10 as PEM}: {"certificate": PEM of the chain,
  //     "authorities", "links"}. 401: the token is not valid or has expired; 403: it is for another
  //     host; 409: it is spent; 400; 413; 429; 503: the authority cannot issue now.
  // Errors are problem details (RFC 9457) with a `reason`. Errors of HttpServer::Start. The
  // enrolment must outlive the server.
  absl::StatusOr<std::unique_ptr<HttpServer>> Serve(const std::string& listen,
                                                    const std::string& certificate_file,
                                                    const std::string& key_file);

  // The next certificate of an agent whose present one has this serial number. PERMISSION_DENIED:
  // that is revoked. INVALID_ARGUMENT: a bad request. RESOURCE_EXHAUSTED: too often. UNAVAILABLE:
  // the authority cannot issue now; the log says why.
  absl::StatusOr<IssuedMaterial> Renew(const std::string& host, const std::string& serial,
                                       const std::string& request_pem);

 private:
  explicit Enrolment(const EnrolmentOptions& options);

  HttpServerResponse Join(const HttpServerRequest& request);
  HttpServerResponse Authorities(const HttpServerRequest& request);
  // OK: the address may try.
  absl::Status Admit(const HttpServerRequest& request);
  HttpServerResponse Refuse(const HttpServerRequest& request, const std::string& host,
                            const absl::Status& status);

  const EnrolmentOptions options_;
  const JoinTokens tokens_;
  RateLimiter addresses_, hosts_;
  prometheus::Family<prometheus::Counter>& joins_;
  prometheus::Family<prometheus::Counter>& renewals_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_JOIN_ENROLMENT_H_
