#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_SETTINGS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_SETTINGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/settings.h"
#include "common/program_config/program_settings.h"

namespace gitops {

// The receiver's flags and config file, read and checked.
struct PromotionReceiverConfig {
  Settings settings;
  std::string text;  // of the config file, as it was read
};

// Adds the file of --config, if one is named, to the result of ReadFlags. INVALID_ARGUMENT: a
// setting is wrong, or --pipelines is missing; all errors of the file, with file and line.
// NOT_FOUND and other codes: the file cannot be read.
absl::StatusOr<PromotionReceiverConfig> LoadPromotionReceiverConfig(Settings flags);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROGRAM_SETTINGS_H_
