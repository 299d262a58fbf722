#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_FILE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// The pipelines of a YAML file, each a document. `file` is used in messages and for Pipeline::file.
// docs/reference/promotions.md lists the fields. INVALID_ARGUMENT: all errors, one per line, each
// as `FILE:LINE: spec.environments[1].name: what`; never a secret, which these files do not hold.
absl::StatusOr<std::vector<Pipeline>> ParsePipelines(absl::string_view text,
                                                     const std::string& file);

// The branch of pull requests into an environment.
std::string PromotionBranch(const Pipeline& pipeline, const Environment& environment);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_PIPELINE_FILE_H_
