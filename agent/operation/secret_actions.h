#ifndef GITOPS_AGENT_OPERATION_SECRET_ACTIONS_H_
#define GITOPS_AGENT_OPERATION_SECRET_ACTIONS_H_

#include <vector>

#include "agent/operation/action_runner.h"
#include "common/config/fleet.h"
#include "common/process/process.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// The actions of a deployment on this host's secrets; `hosts` are its own entries of the fleet
// config. Messages and output contain no secrets.

// PERMISSION_DENIED: a secret of the request is not in this host's own config.
absl::Status CheckUploads(const v1::PerformActionRequest& request,
                          const std::vector<HostSpec>& hosts);
absl::Status CheckTriggers(const v1::PerformActionRequest& request,
                           const std::vector<HostSpec>& hosts);

// Writes the secrets of the request, if all of them are in this host's own config.
// PERMISSION_DENIED: one is not, so none was written. INTERNAL: some could not be written; the
// message names each with the reason. The others were written.
ActionOutcome UploadSecrets(const v1::PerformActionRequest& request,
                            const std::vector<HostSpec>& hosts);

// Runs the `action` of the request's secrets in the config: each distinct command once, in the
// order of the secrets' names. A failure does not stop the others. `again`: it was started before:
// ABORTED, since running commands twice may do harm. PERMISSION_DENIED; INTERNAL: some failed;
// CANCELLED: the runner was stopped.
ActionOutcome RunSecretTriggers(const v1::PerformActionRequest& request,
                                const std::vector<HostSpec>& hosts, ProcessRunner& runner,
                                bool again);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SECRET_ACTIONS_H_
