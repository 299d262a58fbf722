#ifndef GITOPS_COMMON_SERVER_DEBUG_INFO_H_
#define GITOPS_COMMON_SERVER_DEBUG_INFO_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"
#include "common/metrics/metrics.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// The parts of a server's DebugInfo that all servers share: version, the newest lines of the log,
// and the metrics. `component` is "agent", "planner"…
v1::DebugInfo MakeDebugInfo(absl::string_view component, absl::Time start_time,
                            const Metrics& metrics);

// The settings that are not the defaults, as the table [`table`] of a config file, each with where
// it comes from. Without user, password and query of URLs.
std::string RenderSettings(absl::string_view table, const Settings& settings);

// Hides what may be a secret before hosts are rendered (see RenderHost, which leaves out passwords
// in URLs): headers and queries of checks, and arguments of commands.
void HideSecrets(FleetConfig& config);

}  // namespace gitops

#endif  // GITOPS_COMMON_SERVER_DEBUG_INFO_H_
