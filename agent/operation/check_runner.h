#ifndef GITOPS_AGENT_OPERATION_CHECK_RUNNER_H_
#define GITOPS_AGENT_OPERATION_CHECK_RUNNER_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "common/process/process.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Runs a check command of `hosts`, this host's own entries of the fleet config, once. `give_up` is
// polled a few times per second, and may be empty. The response contains no secret of the host.
// Errors are those of OperationService.RunCheck; UNAVAILABLE: the runner was stopped, or `give_up`
// returned true.
absl::StatusOr<v1::RunCheckResponse> RunCheckCommand(const v1::RunCheckRequest& request,
                                                     const std::vector<HostSpec>& hosts,
                                                     ProcessRunner& runner,
                                                     const std::function<bool()>& give_up = {});

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_CHECK_RUNNER_H_
