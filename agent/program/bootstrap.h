#ifndef GITOPS_AGENT_PROGRAM_BOOTSTRAP_H_
#define GITOPS_AGENT_PROGRAM_BOOTSTRAP_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "agent/git/git.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"

namespace gitops {

// Bootstrapping, as gitopper does it with -U -D -B -M -P: the config itself comes out of a
// repository. It is followed as a service of its own, named "gitopper", which has no unit; its
// directory is published by a symlink at <mount>/gitopper/<directory>, so that --config is found
// where gitopper's users expect it.

// The service that holds the config; none unless --upstream is set. INVALID_ARGUMENT: --mount is
// missing or not absolute, --directory is not a plain relative path, --config is absolute.
absl::StatusOr<std::optional<ServiceSpec>> BootstrapService(const Settings& settings,
                                                            const std::string& host_name);

// Whether `spec` is that service.
bool IsBootstrapService(const ServiceSpec& spec);

// Where the config lies once the service is published.
std::string BootstrapConfigFile(const ServiceSpec& spec, const std::string& config);

// Makes sure that a config is there: looks at the upstream if there is none yet, or `pull` is set.
// Where one is there already, a silent upstream is only worth a warning. Errors as
// Upstream::Newest, Source::Prepare, Publisher::Publish.
absl::Status FetchBootstrapConfig(const ServiceSpec& spec, const std::string& config_file,
                                  bool pull, GitDriver& git);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_BOOTSTRAP_H_
