#ifndef GITOPS_COMMON_HTTP_CLIENT_H_
#define GITOPS_COMMON_HTTP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace gitops {

// HTTP/1.1 requests, by libcurl, each on a connection of its own, so that none is sent twice
// unseen. Redirects are never followed: their 3xx is the answer. No proxy of the environment is
// used, and no netrc. Any thread. The process must ignore SIGPIPE (BlockSignals does that).

struct HttpResponse {
  int status = 0;
  // Names in lower case; of repeated ones the last.
  std::map<std::string, std::string> headers;
  std::string body;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http:// or https:// only; user and password in it are used
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // For the whole exchange, and for the connection alone.
  absl::Duration timeout = absl::Seconds(10);
  absl::Duration connect_timeout = absl::Seconds(5);
  // A body beyond this many bytes ends the exchange with RESOURCE_EXHAUSTED.
  int64_t max_body = 1 << 20;
  // PEM files; empty: the system's authorities, no client certificate.
  std::string ca_file, certificate_file, key_file;
  bool insecure_ssl = false;
  // Asked a few times a second; true ends it with CANCELLED. May be empty.
  std::function<bool()> give_up;
  // After an error: what had come until then, of the body at most `max_body` bytes; status 0: no
  // answer had begun. May be null.
  HttpResponse* partial = nullptr;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // An answer of any status is a result. Errors, which name the URL without user, password and
  // query: INVALID_ARGUMENT: a bad URL or header, or another scheme; UNAVAILABLE: no connection
  // (name not found, refused, not in time, TLS failed, a PEM file cannot be read), so nothing was
  // sent; ABORTED: the connection was lost after it was made; DATA_LOSS: what came is no HTTP;
  // DEADLINE_EXCEEDED: no whole answer in time; RESOURCE_EXHAUSTED: the body is beyond max_body, or
  // the headers are beyond 64 KiB; CANCELLED.
  virtual absl::StatusOr<HttpResponse> Do(const HttpRequest& request) = 0;
};

std::unique_ptr<HttpClient> NewHttpClient();

// The URL that the Location header of `url`'s answer leads to; it may be relative.
// INVALID_ARGUMENT: `location` is no URL. FAILED_PRECONDITION: it has another scheme or host than
// `url`; names it. The port may differ.
absl::StatusOr<std::string> RedirectWithinHost(const std::string& url, const std::string& location);

// INVALID_ARGUMENT: a URL that Do() would refuse; names it as there.
absl::Status CheckRequestUrl(const std::string& url);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_CLIENT_H_
