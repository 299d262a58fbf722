#ifndef GITOPS_SERVICES_PLANNER_RUN_ACTION_REQUEST_H_
#define GITOPS_SERVICES_PLANNER_RUN_ACTION_REQUEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "gitops/v1/operation.pb.h"
#include "services/planner/record/deployment_record.h"
#include "services/planner/step/step_machine.h"

namespace gitops {

// The size limit of the secrets of one upload; a message to an agent may have 4 MiB.
inline constexpr int64_t kMostSecretBytes = int64_t{3} << 20;

// The operation of a move: its id, which the move's number makes unique on the host, the fencing
// number, the deployment, its actor and its reason.
v1::Operation MakeOperation(const DeploymentRecord& deployment, const std::string& host,
                            const Move& move, int64_t fencing);

// The requests to an agent for a move of kind kPerform or kReboot, usually one. A sync that only
// names services (a rollback) has one request per service, so that other services on the host do
// not matter. Reads secrets from their files. NOT_FOUND: the file of a secret cannot be read;
// INVALID_ARGUMENT: the secrets are too large; both name the secret and its path.
absl::StatusOr<std::vector<v1::PerformActionRequest>> MakeActionRequests(
    const DeploymentRecord& deployment, const HostRecord& host, const HostSpec& spec,
    const Move& move, int64_t fencing);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_ACTION_REQUEST_H_
