#include "common/api/http_routes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/api/http_path.h"
#include "common/api/route_compiler.h"
#include "gitops/v1/options.pb.h"
#include "google/api/annotations.pb.h"

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

bool SamePaths(const RpcRoute& one, const RpcRoute& other) {
  return one.verb == other.verb &&
         std::equal(one.segments.begin(), one.segments.end(), other.segments.begin(),
                    other.segments.end(), [](const auto& a, const auto& b) {
                      return a.is_variable || b.is_variable || a.text == b.text;
                    });
}

absl::Status AddRoute(const MethodDescriptor& method, std::vector<RpcRoute>& routes) {
  const auto& options = method.options();
  const bool has_rule = options.HasExtension(google::api::http);
  if (has_rule == !options.GetExtension(v1::no_http_rule).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(method.full_name(), " needs either a google.api.http rule, or ",
                     "gitops.v1.no_http_rule with the reason why it has none"));
  }
  if (!has_rule) return absl::OkStatus();
  absl::StatusOr<RpcRoute> route =
      CompileRoute(method, options.GetExtension(google::api::http),
                   method.service()->options().GetExtension(v1::host_variable));
  if (!route.ok()) return route.status();
  for (const RpcRoute& other : routes) {
    if (other.http_method == route->http_method && SamePaths(other, *route)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a ", route->http_method, " is ambiguous: ", other.method->full_name(), " (",
                       other.path, ") or ", method.full_name(), " (", route->path, ")"));
    }
  }
  routes.push_back(*std::move(route));
  return absl::OkStatus();
}

bool Matches(const RpcRoute& route, const HttpPath& path) {
  return route.verb == path.verb &&
         std::equal(route.segments.begin(), route.segments.end(), path.segments.begin(),
                    path.segments.end(), [](const RpcRoute::Segment& rule, const auto& segment) {
                      return rule.is_variable || rule.text == segment;
                    });
}

}  // namespace

std::string ToString(const FieldPath& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const FieldDescriptor* field) {
    out->append(field->json_name());
  });
}

absl::StatusOr<HttpRoutes> HttpRoutes::Compile(
    absl::Span<const ServiceDescriptor* const> services) {
  HttpRoutes compiled;
  for (const ServiceDescriptor* service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      absl::Status status = AddRoute(*service->method(i), compiled.routes_);
      if (!status.ok()) return status;
    }
  }
  return compiled;
}

absl::StatusOr<RpcMatch> HttpRoutes::Match(absl::string_view http_method,
                                           absl::string_view path) const {
  const absl::StatusOr<HttpPath> parsed = ParseHttpPath(path);
  if (!parsed.ok()) return parsed.status();
  RpcMatch match;
  for (const RpcRoute& route : routes_) {
    if (!Matches(route, *parsed)) continue;
    if (route.http_method != http_method) {
      match.allowed.push_back(route.http_method);
      continue;
    }
    match.route = &route;
    for (size_t i = 0; i < route.segments.size(); ++i) {
      if (!route.segments[i].is_variable) continue;
      match.variables.emplace_back(route.segments[i].text, parsed->segments[i]);
    }
    match.allowed.clear();
    break;
  }
  return match;
}

}  // namespace gitops
