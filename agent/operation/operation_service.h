#ifndef GITOPS_AGENT_OPERATION_OPERATION_SERVICE_H_
#define GITOPS_AGENT_OPERATION_OPERATION_SERVICE_H_

#include <memory>

#include "agent/operation/operation_options.h"
#include "agent/operation/operations.h"
#include "common/process/process.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

// The maximum number of concurrent checks and calls to upstreams: each uses a thread of the server.
inline constexpr int kMostChecks = 16;

// gitops.v1.OperationService. Handlers read the request, call the core, convert. `operations` and
// `runner` are not owned and must outlive it.
std::unique_ptr<v1::OperationService::Service> NewOperationService(OperationOptions options,
                                                                   Operations* operations,
                                                                   ProcessRunner* runner);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OPERATION_SERVICE_H_
