#ifndef GITOPS_AGENT_OPERATION_OPERATION_SERVICE_H_
#define GITOPS_AGENT_OPERATION_OPERATION_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/controller/host_agent.h"
#include "agent/operation/operations.h"
#include "common/config/fleet.h"
#include "common/process/process.h"
#include "common/rpc/gate.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

// The maximum number of concurrent checks and calls to upstreams: each uses a thread of the server.
inline constexpr int kMostChecks = 16;

struct OperationServiceOptions {
  // Not owned; all must outlive the service.
  HostAgent* agent = nullptr;
  Operations* operations = nullptr;
  ProcessRunner* runner = nullptr;
  const RpcGate* gate = nullptr;
  // This host's own entries of the current fleet config.
  std::function<std::vector<HostSpec>()> own_hosts;
  std::string boot_id_file;
};

// gitops.v1.OperationService. Handlers read the request, call the core, convert.
std::unique_ptr<v1::OperationService::Service> NewOperationService(OperationServiceOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_SERVICE_H_
