#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_SETTINGS_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "services/hook_dispatcher/config/hooks_config.h"

namespace gitops {

// What gitops-hook-dispatcher can be told; docs/reference/settings.md lists it.
std::vector<SettingDefinition> HookDispatcherSettings();

// Its flags and config file, read and checked.
struct HookDispatcherConfig {
  Settings settings;
  std::vector<HookSpec> hooks;
};

// Adds the file --config to what ReadFlags read. INVALID_ARGUMENT: none is named, or every fault in
// it, with file and line; NOT_FOUND and the like: it cannot be read.
absl::StatusOr<HookDispatcherConfig> LoadHookDispatcherConfig(Settings flags);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_SETTINGS_H_
