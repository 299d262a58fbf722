#ifndef GITOPS_COMMON_CONFIG_FLEET_PROBLEMS_H_
#define GITOPS_COMMON_CONFIG_FLEET_PROBLEMS_H_

#include <string>
#include <vector>

#include "common/config/config_files.h"
#include "common/config/config_place.h"
#include "common/config/fleet.h"

namespace gitops {

// What is likely a mistake in a config that is valid by itself, as `gitopsctl config check` reports
// it: services for a machine that no host has (unless the file has no [[hosts]]), entries for many
// hosts that select none, conflicts between the services of a host, hosts without an address, and
// sources of secrets that cannot be read here. Reads no file but those. `aliases` are more names of
// hosts.
std::vector<ConfigFault> FindProblems(const FleetConfig& config,
                                      const std::vector<std::string>& aliases);

// `hosts` of [agent]: the aliases that each host has by this file.
std::vector<std::string> AliasesIn(const ConfigFiles& files);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLEET_PROBLEMS_H_
