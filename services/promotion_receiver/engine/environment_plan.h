#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENVIRONMENT_PLAN_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENVIRONMENT_PLAN_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/decide/observation.h"
#include "services/promotion_receiver/pipeline/environment_name.h"
#include "services/promotion_receiver/pipeline/pipeline.h"
#include "services/promotion_receiver/record/promotion_store.h"

namespace gitops {

// What is to be done with the promotions out of one environment: plain functions.

struct EnvironmentSnapshot {
  EnvironmentName source;
  std::shared_ptr<const Pipeline> pipeline;  // as configured now; null: there is none
  std::vector<SharedPromotion> unfinished;
  SharedPromotion newest;                        // as PromotionStore::Newest
  std::vector<TargetObservation> observed;       // the targets of the source
  std::vector<TargetObservation> next_observed;  // those of the environment after it
  // Of a target environment.
  std::function<std::optional<record::v1::EnvironmentHold>(const std::string&)> hold_of;
  // Why a strategy cannot be carried out here; empty: it can.
  std::function<std::string(const Strategy&)> blocked;
  std::string calling;  // the id of the promotion that a strategy is carrying out now; empty: none
  absl::Time now;
};

struct EnvironmentPlan {
  std::vector<PromotionWrite> writes;  // each with the state that it changes
  absl::Time again = absl::InfiniteFuture();
  // It begins or creates a promotion, so that holds and events must not come in between.
  bool exclusive = false;
};
// `new_id` and `new_key` give unique texts, for a promotion and for its effect.
EnvironmentPlan PlanEnvironment(const EnvironmentSnapshot& snapshot,
                                const std::function<std::string()>& new_id,
                                const std::function<std::string()>& new_key);

// Whether `b` takes the place of `a`, which waits: it is newer, or was replayed later.
bool Replaces(const record::v1::Promotion& b, const record::v1::Promotion& a);

// Moves a promotion to a state, with its reason, and its end_time if the state is one.
void SetState(record::v1::Promotion& promotion, record::v1::PromotionState state,
              absl::string_view message, absl::Time now);

// "pull-request", "notification", "rollout".
std::string StrategyName(const Strategy& strategy);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_ENGINE_ENVIRONMENT_PLAN_H_
