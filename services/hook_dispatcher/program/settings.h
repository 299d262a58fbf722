#ifndef GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_SETTINGS_H_
#define GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "common/program_config/hooks_config.h"
#include "common/program_config/program_settings.h"

namespace gitops {

// The parsed flags and config file.
struct HookDispatcherConfig {
  Settings settings;
  std::vector<HookSpec> hooks;
};

// Adds the file of --config to the result of ReadFlags. INVALID_ARGUMENT: --config is missing, or
// all errors of the file, with file and line. NOT_FOUND and other codes: the file cannot be read.
absl::StatusOr<HookDispatcherConfig> LoadHookDispatcherConfig(Settings flags);

}  // namespace gitops

#endif  // GITOPS_SERVICES_HOOK_DISPATCHER_PROGRAM_SETTINGS_H_
