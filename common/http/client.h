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
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/secret.h"

namespace gitops {

// HTTP/1.1 requests through libcurl, each on a new connection, so that libcurl never resends one,
// unless the request says otherwise. Redirects are not followed, unless the request says how many:
// the 3xx is the answer. Proxies of the environment and netrc are ignored. Thread-safe. The process
// must ignore SIGPIPE (BlockSignals does that).

struct HttpResponse {
  int status = 0;
  // Names in lower case; of repeated headers the last.
  std::map<std::string, std::string> headers;
  std::string body;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http:// or https:// only; a user and password in it are sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // For Basic authentication, over a user of the URL; empty: none. Sent to the scheme, host and
  // port of `url` only, whatever it redirects to.
  std::string user;
  Secret password;
  // At most so many redirects are followed, with the same headers, and never from https to http.
  // Above 0 only for GET and HEAD.
  int max_redirects = 0;
  // Uses a connection that an earlier request with the same settings left open, and leaves its own
  // open. Only for GET and HEAD: if the server closes it meanwhile, the request is sent again.
  bool reuse_connection = false;
  // For the whole exchange, and for the connection alone.
  absl::Duration timeout = absl::Seconds(10);
  absl::Duration connect_timeout = absl::Seconds(5);
  // A larger body ends the exchange with RESOURCE_EXHAUSTED.
  int64_t max_body = 1 << 20;
  // PEM files; empty: the system's authorities, no client certificate.
  std::string ca_file, certificate_file, key_file;
  // The content of such a file instead, which takes precedence.
  Secret ca_pem, certificate_pem, key_pem;
  bool insecure_ssl = false;
  // Polled a few times per second; true ends the exchange with CANCELLED. May be empty.
  std::function<bool()> give_up;
  // If set, takes the body of a 2xx answer in pieces as it comes, which is then not in the result
  // and not limited by `max_body`; false ends the exchange with CANCELLED.
  std::function<bool(absl::string_view)> receive;
  // After an error: what was received before it, at most `max_body` bytes of the body; status 0: no
  // answer had started. May be null.
  HttpResponse* partial = nullptr;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // An answer of any status is a result. Errors name the URL without user, password and query:
  // INVALID_ARGUMENT: a bad URL or header, or another scheme; FAILED_PRECONDITION: it redirects
  // more often than max_redirects, or to something that is not followed; UNAVAILABLE: no connection
  // (name not found, refused, timed out, TLS failed, a PEM file cannot be read), so nothing was
  // sent; ABORTED: the connection was lost later; DATA_LOSS: the answer is not HTTP;
  // DEADLINE_EXCEEDED: no complete answer in time; RESOURCE_EXHAUSTED: the body is larger than
  // max_body, or the headers are larger than 64 KiB; CANCELLED.
  virtual absl::StatusOr<HttpResponse> Do(const HttpRequest& request) = 0;
};

std::unique_ptr<HttpClient> NewHttpClient();

// The target of the Location header of `url`'s answer, which may be relative. INVALID_ARGUMENT:
// `location` is not a URL. FAILED_PRECONDITION: it has another scheme or host than `url`; the
// message names it. The port may differ.
absl::StatusOr<std::string> RedirectWithinHost(const std::string& url, const std::string& location);

// INVALID_ARGUMENT: Do() would refuse the URL; the message names it in the same way.
absl::Status CheckRequestUrl(const std::string& url);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_CLIENT_H_
