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

// The most that the secrets of one upload may hold; a message to an agent takes 4 MiB.
inline constexpr int64_t kMostSecretBytes = int64_t{3} << 20;

// The operation's id, which the move's number makes unique on the host, with its fencing number,
// the deployment, its actor and its reason.
v1::Operation MakeOperation(const DeploymentRecord& deployment, const std::string& host,
                            const Move& move, int64_t fencing);

// What an agent is asked for a move of kind kPerform or kReboot: mostly one thing. A sync that only
// names services (a rollback) is asked service by service, so that others on the host have no say.
// Secrets are read from their files now. NOT_FOUND: a secret's file cannot be read;
// INVALID_ARGUMENT: they are too large; both name the secret and its path.
absl::StatusOr<std::vector<v1::PerformActionRequest>> MakeActionRequests(
    const DeploymentRecord& deployment, const HostRecord& host, const HostSpec& spec,
    const Move& move, int64_t fencing);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_ACTION_REQUEST_H_
