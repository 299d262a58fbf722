#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_ROLLOUT_PROMOTER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_ROLLOUT_PROMOTER_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "common/client/planner_client.h"
#include "gitops/v1/deployment.pb.h"
#include "services/promotion_receiver/strategy/promoter.h"

namespace gitops {

// Promotes by a deployment of the planner, to the hosts of the environment and the commit of the
// revision. In progress, with the deployment's id as the result, until it has ended; the caller
// stores that result and passes it again.
//
// The deployment is created once for each effect_key (if it is empty, the promotion's id): a replay
// needs another one. The planner knows a key for 24 hours; later the stored result says that there
// is a deployment.
//
// `planner` none: the receiver has no planner; every promotion fails.
std::unique_ptr<Promoter> NewRolloutPromoter(std::optional<PlannerClient> planner);

// What the state of a deployment means for its promotion. FAILED_PRECONDITION: it failed, or was
// cancelled.
absl::StatusOr<PromotionResult> ResultOfDeployment(const v1::Deployment& deployment);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_ROLLOUT_PROMOTER_H_
