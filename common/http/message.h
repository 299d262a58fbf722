#ifndef GITOPS_COMMON_HTTP_MESSAGE_H_
#define GITOPS_COMMON_HTTP_MESSAGE_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace gitops {

// Requests and answers as plain values, so that handlers can be tested without a server.

// The other end of the connection, from the kernel. Headers such as X-Forwarded-For never change
// it.
struct HttpPeer {
  std::string address;       // "192.0.2.1", "2001:db8::1"; empty for a unix socket
  int port = 0;              // 0 for a unix socket
  std::optional<uid_t> uid;  // the account of a unix socket's client
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpServerRequest {
  std::string method;   // "GET"
  std::string target;   // path and query as sent, not decoded
  std::string path;     // the target's path, not decoded; starts with '/'
  std::string query;    // what follows the target's '?', not decoded
  HttpHeaders headers;  // in the order of the request
  // The values of {name} in the route's path, percent-decoded.
  std::map<std::string, std::string> parameters;
  std::string body;
  HttpPeer peer;

  // The value of a header (case-insensitive); empty if there is none. Repeated headers are joined
  // with ", ".
  std::string Header(absl::string_view name) const;
};

struct HttpServerResponse {
  int status = 200;  // from 200 to 599
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";  // empty: no Content-Type header
  // The server adds Content-Length or Transfer-Encoding, Connection, Date, X-Content-Type-Options:
  // nosniff and, if missing, Cache-Control: no-store. Control characters in values become spaces.
  HttpHeaders headers;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_MESSAGE_H_
