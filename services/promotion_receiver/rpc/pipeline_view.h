#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PIPELINE_VIEW_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PIPELINE_VIEW_H_

#include <string>

#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/pipeline/pipeline.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"

namespace gitops {

// What the API says of a pipeline's file: all but where its environments stand.
v1::Pipeline ViewOf(const Pipelines::Entry& entry);

// "namespace search in cluster dev", "hosts web* tagged prod".
std::string TargetText(const Target& target);
// "Mon-Fri 09:00-17:00 Europe/Amsterdam", "Sat,Sun 22:00-04:00 UTC"; every day: without days.
std::string WindowText(const Window& window);
// "pull-request", "notification", "rollout"; empty: none.
std::string StrategyText(const PromotionRules& rules);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PIPELINE_VIEW_H_
