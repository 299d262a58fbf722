#ifndef GITOPS_AGENT_PROGRAM_NESTED_PLACES_H_
#define GITOPS_AGENT_PROGRAM_NESTED_PLACES_H_

#include <vector>

#include "absl/status/status.h"
#include "common/config/fleet.h"

namespace gitops {

// By symlinks, a place inside a place of another service would lie in the other service's revision.
// INVALID_ARGUMENT names both, with file and line, in whatever order they are configured.
absl::Status CheckNestedPlaces(const std::vector<ServiceSpec>& services);

}  // namespace gitops

#endif  // GITOPS_AGENT_PROGRAM_NESTED_PLACES_H_
