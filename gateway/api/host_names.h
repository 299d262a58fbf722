#ifndef GITOPS_GATEWAY_API_HOST_NAMES_H_
#define GITOPS_GATEWAY_API_HOST_NAMES_H_

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "gateway/api/rpc_caller.h"

namespace gitops {

using HostNames = std::set<std::string>;

// Reads all pages of an RPC whose answers have `hosts` with the name in `host` (ListHosts,
// ListPlanHosts, ListDeploymentHosts). Calls `done` once, on one of gRPC's threads, with the names,
// or the error of a call. `caller` must outlive the calls.
void ReadHostNames(RpcCaller* caller, std::shared_ptr<const Backend> backend,
                   const google::protobuf::MethodDescriptor& method,
                   std::unique_ptr<RpcCaller::Message> request, const RpcCaller::Options& call,
                   std::function<void(absl::StatusOr<HostNames>)> done);

}  // namespace gitops

#endif  // GITOPS_GATEWAY_API_HOST_NAMES_H_
