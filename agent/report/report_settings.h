#ifndef GITOPS_AGENT_REPORT_REPORT_SETTINGS_H_
#define GITOPS_AGENT_REPORT_REPORT_SETTINGS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/settings.h"

namespace gitops {

// --planner and --advertise, before anything is opened. INVALID_ARGUMENT, FAILED_PRECONDITION:
// names the setting, where it came from, and what is wrong with it.
absl::Status CheckReportSettings(const Settings& settings);

// Where the planner is told to dial this agent: --advertise, else `served`, where it listens, with
// the port that was picked; without host where it listens everywhere, so that the planner takes the
// address the stream comes from.
std::string AdvertisedAddress(const Settings& settings, absl::string_view served);

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_REPORT_SETTINGS_H_
