#ifndef GITOPS_AGENT_PROGRAM_HOST_NAMES_H_
#define GITOPS_AGENT_PROGRAM_HOST_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"

namespace gitops {

// How a host is called (ADR 0033).
struct HostNames {
  // The name of the host in the fleet.
  std::string name;
  // `name` is the one of --name or [[hosts]], or the machine's own without aliases. Otherwise it is
  // an alias, as in earlier versions, unless the planner finds that hosts share the alias.
  bool certain = true;
  // All other names, which only select services: first the aliases as they were given, then the
  // machine's own name, unless there is a --name. Each once.
  std::vector<std::string> aliases;
  // For ${machine}, globs and tags: never an alias.
  std::string own;
  // Aliases that are names of [[hosts]], as these spell them.
  std::vector<std::string> listed;

  bool operator==(const HostNames&) const = default;
  // The host that a service with this `machine` is reported for.
  const std::string& HostOf(const std::string& machine) const;
};

// `machine` is the machine's own name. INVALID_ARGUMENT: --name is no host name.
absl::StatusOr<HostNames> DecideHostNames(const Settings& settings, const FleetConfig& fleet,
                                          const std::string& machine);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_HOST_NAMES_H_
