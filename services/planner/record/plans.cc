#include <utility>

#include "absl/strings/str_cat.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/random_token.h"
#include "services/planner/record/record_keys.h"
#include "services/planner/record/record_texts.h"
#include "services/planner/record/timestamps.h"

namespace gitops {
namespace {

constexpr absl::Duration kPlanLife = absl::Hours(24);

}  // namespace

absl::StatusOr<std::string> DeploymentStore::SavePlan(v1::Plan plan) {
  absl::StatusOr<std::string> token = RandomToken();
  if (!token.ok()) return token.status();
  plan.set_token(*token);
  if (!plan.has_expire_time()) {
    *plan.mutable_expire_time() = StoredTime(clock_->Now() + kPlanLife);
  }
  BoundTexts(plan);
  absl::Status status = store_->Put(PlanKey(*token), plan.SerializeAsString(), 0).status();
  if (!status.ok()) return status;
  return token;
}

absl::StatusOr<v1::Plan> DeploymentStore::LoadPlan(const std::string& token) {
  absl::StatusOr<StoredValue> value = store_->Get(PlanKey(token));
  v1::Plan plan;
  if (value.ok()) {
    if (absl::Status status = Parse(*value, plan); !status.ok()) return status;
  } else if (!absl::IsNotFound(value.status())) {
    return value.status();
  }
  if (value.ok() && clock_->Now() < ReadTime(plan.expire_time())) return plan;
  // The same for both, so that nothing is learnt by guessing.
  return absl::NotFoundError(
      "there is no plan with this token, or it has expired; make one with `gitopsctl plan`");
}

}  // namespace gitops
