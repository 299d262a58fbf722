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
struct RpcRoute {
  enum class Body {
    kNone,
    // The whole request, without the fields in the path.
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
  // Fields that the path sets, in order; all are strings.
  std::vector<const google::protobuf::FieldDescriptor*> path_fields;
  // The variable that names the host whose agent is called; empty for other services. Not a field
  // of the request.
  std::string host_variable;
  Body body = Body::kNone;
  const google::protobuf::FieldDescriptor* body_field = nullptr;
  // Fields that query parameters of their name set (see ToString). Only the last field of a path
  // may be repeated; its parameter is then repeated.
  std::vector<FieldPath> query_fields;
};

// The result of matching a request.
struct RpcMatch {
  // Null: no route matches; `allowed` says whether that is because of the HTTP method.
  const RpcRoute* route = nullptr;
  // By name, decoded, in the order of the path.
  std::vector<std::pair<std::string, std::string>> variables;
  // Without a route: the HTTP methods of the path. Empty: there is no such path.
  std::vector<std::string> allowed;
};

// The HTTP rules of a set of services. Immutable and thread-safe.
class HttpRoutes {
 public:
  // The routes of all RPCs of `services`, whose descriptors must outlive this. INVALID_ARGUMENT,
  // naming the RPC: it has neither a rule nor gitops.v1.no_http_rule, or both; the rule is
  // malformed, names a field that does not exist or is not allowed there, or leaves out a field of
  // the request; a request could match two RPCs.
  static absl::StatusOr<HttpRoutes> Compile(
      absl::Span<const google::protobuf::ServiceDescriptor* const> services);

  // The RPC of a request. `path` is as received, without the query. INVALID_ARGUMENT: the path is
  // malformed (see ParseHttpPath).
  absl::StatusOr<RpcMatch> Match(absl::string_view http_method, absl::string_view path) const;

  const std::vector<RpcRoute>& routes() const { return routes_; }

 private:
  std::vector<RpcRoute> routes_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_API_HTTP_ROUTES_H_
