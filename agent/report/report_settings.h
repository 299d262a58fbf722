#ifndef GITOPS_AGENT_REPORT_REPORT_SETTINGS_H_
#define GITOPS_AGENT_REPORT_REPORT_SETTINGS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/config/settings.h"

namespace gitops {

// The address at which the planner should connect to this agent: --advertise, else `served`, the
// address in use with the port that was picked; without a host if the agent listens on all
// interfaces, so that the planner uses the address from which the stream comes.
std::string AdvertisedAddress(const Settings& settings, absl::string_view served);

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_REPORT_SETTINGS_H_
