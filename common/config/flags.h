#ifndef GITOPS_COMMON_CONFIG_FLAGS_H_
#define GITOPS_COMMON_CONFIG_FLAGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/settings.h"

namespace gitops {

// The flags of a command line, by name, not yet checked against their types. Repeated lists are
// joined with commas; of other flags the last value counts.
struct ParsedFlags {
  std::map<std::string, std::string> values;
  bool help = false;
};

// INVALID_ARGUMENT: an unknown flag, a missing value, an argument that is not a flag.
absl::StatusOr<ParsedFlags> ParseFlags(const std::vector<SettingDefinition>& definitions,
                                       const std::vector<std::string>& arguments);

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_FLAGS_H_
