#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PROMOTION_RULES_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PROMOTION_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/promotion_receiver/pipeline/pipeline.h"
#include "services/promotion_receiver/yaml/yaml_map.h"

namespace gitops {

// The `promotion` of a pipeline or of one of its environments, as far as it says something.
struct GivenRules {
  std::optional<bool> manual;
  std::optional<Strategy> strategy;
  std::optional<std::string> secret;      // secretRef
  std::optional<std::string> git_secret;  // pull-request.secretRef
  std::optional<absl::Duration> soak;
  std::optional<std::vector<Window>> windows;
};

// Errors are reported to `promotion`.
GivenRules ReadRules(const YamlMap& promotion);

// The rules of an environment: what it says itself, else what the pipeline says.
PromotionRules MergeRules(const GivenRules& own, const GivenRules& pipeline);

// secretRef: {name}. None: absent, or an error, which is reported.
std::optional<std::string> ReadSecretRef(const YamlMap& map);

// Reports a name of a Kubernetes object, which is used in paths, that is not one.
void CheckObjectName(const YamlMap& map, absl::string_view key, absl::string_view name);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PROMOTION_RULES_H_
