#ifndef GITOPS_COMMON_HTTP_ROUTER_H_
#define GITOPS_COMMON_HTTP_ROUTER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Finds the route of a request. A route is a method and a path of segments: literal text; {name},
// which matches one segment that is not empty; and, as the last one, {name=**}, which matches all
// remaining segments, or none. Literal text wins over {name}, and {name} over {name=**}. Const
// methods are thread-safe.
class HttpRouter {
 public:
  HttpRouter();
  ~HttpRouter();
  HttpRouter(HttpRouter&&) noexcept;
  HttpRouter& operator=(HttpRouter&&) noexcept;

  // Adds a route; its index counts from 0 in the order of the calls. The method "*" stands for all
  // methods without a route for this path. INVALID_ARGUMENT: a malformed path. ALREADY_EXISTS:
  // another route matches exactly the same requests.
  absl::Status Add(const std::string& method, const std::string& path);

  struct Match {
    size_t route;
    // The segments of {name}, percent-decoded; the match of {name=**} as sent.
    std::map<std::string, std::string> parameters;
  };

  // `path` starts with '/' and has no query. A route for GET also matches HEAD. NOT_FOUND;
  // INVALID_ARGUMENT: a '%' without two hex digits; UNIMPLEMENTED: the path exists, but not with
  // this method; `allowed`, if not null, gets the value of the Allow header.
  absl::StatusOr<Match> Find(absl::string_view method, absl::string_view path,
                             std::string* allowed = nullptr) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
  size_t routes_ = 0;
};

// Replaces each %XX by its byte. INVALID_ARGUMENT: a '%' without two hex digits.
absl::StatusOr<std::string> PercentDecode(absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_COMMON_HTTP_ROUTER_H_
