#ifndef GITOPS_COMMON_API_HTTP_ROUTES_H_
#define GITOPS_COMMON_API_HTTP_ROUTES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gitops {

// A field of a request message, or of a message in it: Selection's `on` is {selection, on}.
using FieldPath = std::vector<const google::protobuf::FieldDescriptor*>;

// In the JSON spelling of the fields: "selection.orderByTags".
std::string ToString(const FieldPath& path);

// How one RPC is called over HTTP, from its google.api.http rule.
struct HttpRoute {
  enum class Body {
    kNone,
    // The whole request, without what the path says.
    kRequest,
    // `body_field`.
    kField,
  };
  // A literal, or a variable that takes exactly one segment.
  struct Segment {
    std::string text;
    bool is_variable = false;
  };

  const google::protobuf::MethodDescriptor* method = nullptr;
  // "GET" or "POST".
  std::string http_method;
  // As in the proto: "/v1/services/{service}:freeze".
  std::string path;
  std::vector<Segment> segments;
  std::string verb;
  // Fields that the path sets, in its order; all are strings.
  std::vector<const google::protobuf::FieldDescriptor*> path_fields;
  // The variable that names the host whose agent is called; empty: the service has none. It is no
  // field of the request.
  std::string host_variable;
  Body body = Body::kNone;
  const google::protobuf::FieldDescriptor* body_field = nullptr;
  // Fields that are set by query parameters of their name (see ToString). Only the last field of a
  // path may be repeated: the parameter is repeated then.
  std::vector<FieldPath> query_fields;
};

// What a request means.
struct HttpMatch {
  // Null: there is none; `allowed` says whether that is because of the HTTP method.
  const HttpRoute* route = nullptr;
  // By name, decoded, in the order of the path.
  std::vector<std::pair<std::string, std::string>> variables;
  // Without a route: the HTTP methods that the path has. Empty: there is no such path.
  std::vector<std::string> allowed;
};

// The HTTP rules of a set of services. Immutable; any thread may use it.
class HttpRoutes {
 public:
  // The routes of all RPCs of `services`, whose descriptors must outlive this.
  // INVALID_ARGUMENT, naming the RPC: it has neither a rule nor gitops.v1.no_http_rule, or both;
  // the rule is malformed, names a field that does not exist or cannot stand there, or leaves a
  // field of the request without a place; a request could mean two RPCs.
  static absl::StatusOr<HttpRoutes> Compile(
      absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  // The RPC that a request means. `path` is as it was received, without the query.
  // INVALID_ARGUMENT: the path is malformed (see ParseHttpPath).
  absl::StatusOr<HttpMatch> Match(absl::string_view http_method, absl::string_view path) const;

  const std::vector<HttpRoute>& routes() const { return routes_; }

 private:
  std::vector<HttpRoute> routes_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_API_HTTP_ROUTES_H_
