#ifndef GITOPS_AGENT_OPERATION_SECRET_ACTIONS_H_
#define GITOPS_AGENT_OPERATION_SECRET_ACTIONS_H_

#include <vector>

#include "agent/operation/action_runner.h"
#include "common/config/fleet.h"
#include "common/process/process.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// What a deployment does with this host's secrets; `hosts` are its own entries of the fleet config.
// Neither messages nor output hold a secret.

// Writes the secrets of the request, after all of them were found to be this host's own.
// PERMISSION_DENIED: one is not, so none was written. INTERNAL: some could not be written; names
// each with the reason. The others were.
ActionOutcome UploadSecrets(const v1::PerformActionRequest& request,
                            const std::vector<HostSpec>& hosts);

// Runs what the config has as `action` of the secrets that the request names: each distinct command
// once, in the order of the secrets' names. One that fails does not stop the others. `again`: it
// had begun before: ABORTED, since running commands twice may do harm. PERMISSION_DENIED; INTERNAL:
// some failed; CANCELLED: the runner was stopped.
ActionOutcome RunSecretTriggers(const v1::PerformActionRequest& request,
                                const std::vector<HostSpec>& hosts, ProcessRunner& runner,
                                bool again);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_ACTIONS_H_
