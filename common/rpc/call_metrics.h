#ifndef GITOPS_COMMON_RPC_CALL_METRICS_H_
#define GITOPS_COMMON_RPC_CALL_METRICS_H_

#include <grpcpp/support/server_interceptor.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/metrics/metrics.h"

namespace gitops {

// The methods of a server, as "/package.Service/Method".
using MethodNames = std::set<std::string, std::less<>>;

// The methods of the services of these names, if this program has their protos, and of health and
// reflection, which every server has.
MethodNames MethodsOf(const std::vector<std::string>& services);

// Counts every call of a server in grpc_server_handled_total and grpc_server_handling_seconds, with
// the names and codes of go-grpc-prometheus, so that its dashboards work. Calls of methods that are
// not in `known` share the series "unknown": callers must not be able to create labels. `known` may
// be filled until the server starts; `metrics` must outlive the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeCallMetrics(
    Metrics& metrics, std::shared_ptr<const MethodNames> known);

// "OK", "NotFound"…
absl::string_view GrpcCodeName(grpc::StatusCode code);

}  // namespace gitops

#endif  // GITOPS_COMMON_RPC_CALL_METRICS_H_
