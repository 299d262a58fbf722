#ifndef GITOPS_AGENT_OPERATION_OWN_CONFIG_H_
#define GITOPS_AGENT_OPERATION_OWN_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// What this host's own configuration allows to be run and written on it. Whoever reaches the
// agent's port, also a planner that was taken over, can ask for nothing else.

// The [[hosts]] whose name is one of `names`; case does not count.
std::vector<HostSpec> HostsOf(const FleetConfig& config, const std::vector<std::string>& names);

// The secret that `asked` means. PERMISSION_DENIED: there is none of this name here, or it goes
// elsewhere or belongs to others; the message names the field that differs. Where `by_name`, the
// name alone decides.
absl::StatusOr<SecretSpec> OwnSecret(const std::vector<HostSpec>& hosts,
                                     const v1::SecretFile& asked, bool by_name);

// PERMISSION_DENIED: this host has no such check.
absl::Status CheckIsOwn(const std::vector<HostSpec>& hosts, const v1::RunCheckRequest& request);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_OWN_CONFIG_H_
