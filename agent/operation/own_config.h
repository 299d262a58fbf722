#ifndef GITOPS_AGENT_OPERATION_OWN_CONFIG_H_
#define GITOPS_AGENT_OPERATION_OWN_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// What this host's own configuration allows to run and write on it. Callers of the agent, including
// a compromised planner, can request nothing else.

// The [[hosts]] whose name is one of `names` (case-insensitive).
std::vector<HostSpec> HostsOf(const FleetConfig& config, const std::vector<std::string>& names);

// The configured secret for `asked`. PERMISSION_DENIED: there is no secret of this name, or its
// destination, owner or other fields differ; the message names the field. With `by_name`, only the
// name counts.
absl::StatusOr<SecretSpec> OwnSecret(const std::vector<HostSpec>& hosts,
                                     const v1::SecretFile& asked, bool by_name);

// PERMISSION_DENIED: this host has no such check.
absl::Status CheckIsOwn(const std::vector<HostSpec>& hosts, const v1::RunCheckRequest& request);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OWN_CONFIG_H_
