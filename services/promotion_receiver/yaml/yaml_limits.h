#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_YAML_LIMITS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_YAML_LIMITS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gitops {

// Checks that `text` is safe to build a tree of. INVALID_ARGUMENT: as YamlFile::Parse.
absl::Status CheckYaml(absl::string_view text, const std::string& file);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_YAML_YAML_LIMITS_H_
