#ifndef GITOPS_COMMON_PROGRAM_CONFIG_PROGRAM_TABLES_H_
#define GITOPS_COMMON_PROGRAM_CONFIG_PROGRAM_TABLES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Checks the tables of all programs in a config file, as the programs do that are started with
// nothing but this file: their settings, also together (setting_rules.h), [[hooks]], [[clusters]],
// [[sinks]] and [[webhooks]], with the files that these name. Not checked: what is in kubeconfigs,
// and the form of networks and rates. INVALID_ARGUMENT: all errors, one per line, in the format of
// ParseFleetConfig; never a secret.
absl::Status CheckProgramTables(absl::string_view text, const std::string& file);

}  // namespace gitops

#endif  // GITOPS_COMMON_PROGRAM_CONFIG_PROGRAM_TABLES_H_
