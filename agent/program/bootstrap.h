#ifndef GITOPS_AGENT_PROGRAM_BOOTSTRAP_H_
#define GITOPS_AGENT_PROGRAM_BOOTSTRAP_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "agent/git/git.h"
#include "agent/program/config_in_force.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"

namespace gitops {

// Bootstrap, as in gitopper with -U -D -B -M -P: the config itself comes from a repository. It is
// followed as a service named "gitopper", which has no unit; its directory is published by a
// symlink at <mount>/gitopper/<directory>, where gitopper's users expect --config.

// The service with the config; none unless --upstream is set. INVALID_ARGUMENT: --mount is missing
// or not absolute, --directory is not a plain relative path, --config is absolute.
absl::StatusOr<std::optional<ServiceSpec>> BootstrapService(const Settings& settings,
                                                            const std::string& host_name);

// Whether `spec` is that service.
bool IsBootstrapService(const ServiceSpec& spec);

// The path of the config once the service is published.
std::string BootstrapConfigFile(const ServiceSpec& spec, const std::string& config);

// Makes sure that there is a config: fetches from the upstream if there is none yet, or if `pull`
// is set. If there is one already, an upstream that does not answer only causes a warning. Errors
// are those of Upstream::Newest, Source::Prepare and Publisher::Publish.
absl::Status FetchBootstrapConfig(const ServiceSpec& spec, const std::string& config_file,
                                  bool pull, GitDriver& git);

// config.Begin(), with bootstrap once there is a config. Where it has a fault, and none was
// accepted before, it is fetched again, since it may have been corrected.
absl::Status BeginConfig(ConfigInForce& config, bool pull, GitDriver& git);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_BOOTSTRAP_H_
