#ifndef GITOPS_COMMON_PROGRAM_CONFIG_PROGRAM_SETTINGS_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_PROGRAM_SETTINGS_H_

#include <vector>

#include "common/config/settings.h"

namespace gitops {

// The settings of each program; docs/reference/settings.md lists them. They are here, so that
// gitopsctl can check the tables of all programs.
std::vector<SettingDefinition> AgentSettings();
std::vector<SettingDefinition> PlannerSettings();
std::vector<SettingDefinition> HookDispatcherSettings();
std::vector<SettingDefinition> PromotionReceiverSettings();
std::vector<SettingDefinition> GatewaySettings();

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_PROGRAM_SETTINGS_H_
