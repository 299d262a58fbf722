#ifndef GITOPS_SERVICES_PLANNER_PROGRAM_SETTINGS_H_
#define GITOPS_SERVICES_PLANNER_PROGRAM_SETTINGS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/fleet.h"
#include "common/config/settings.h"
#include "common/program_config/program_settings.h"

namespace gitops {

// The planner's flags and config file, read and checked.
struct PlannerConfig {
  Settings settings;
  std::string text;                          // of the config file, as it was read
  std::shared_ptr<const FleetConfig> fleet;  // never null; empty without a config file
};

// Adds the config file, if one is named, to the flags that ReadFlags read. INVALID_ARGUMENT,
// NOT_FOUND: every fault with file and line.
absl::StatusOr<PlannerConfig> LoadPlannerConfig(Settings flags);

// The setting, or this machine's host name.
std::string PlannerName(const Settings& settings);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PROGRAM_SETTINGS_H_
