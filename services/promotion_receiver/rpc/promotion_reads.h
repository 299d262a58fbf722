#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_READS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_READS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/record/promotion_store.h"

namespace gitops {

// The methods of PromotionService that read; errors as there. Reads and memory are proportional to
// the answer. Thread-safe.

absl::StatusOr<v1::ListPipelinesResponse> ListPipelines(const Pipelines& pipelines,
                                                        const PromotionStore& store,
                                                        const v1::ListPipelinesRequest& request);
absl::StatusOr<v1::Pipeline> GetPipeline(const Pipelines& pipelines, const PromotionStore& store,
                                         const v1::GetPipelineRequest& request);
absl::StatusOr<v1::ListPromotionsResponse> ListPromotions(const PromotionStore& store,
                                                          const v1::ListPromotionsRequest& request);
absl::StatusOr<v1::Promotion> GetPromotion(const PromotionStore& store,
                                           const v1::GetPromotionRequest& request);

// INVALID_ARGUMENT: a name is missing.
absl::Status CheckNames(const EnvironmentName& where);

// NOT_FOUND: PIPELINE_UNKNOWN, ENVIRONMENT_UNKNOWN. INVALID_ARGUMENT: a name is missing.
absl::Status CheckEnvironment(const Pipelines& pipelines, const EnvironmentName& where);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_READS_H_
