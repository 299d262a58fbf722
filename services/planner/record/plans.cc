#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "services/planner/record/bulk.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/random_token.h"
#include "services/planner/record/record_keys.h"
#include "services/planner/record/record_texts.h"

namespace gitops {
namespace {

constexpr absl::Duration kPlanLife = absl::Hours(24);

}  // namespace

absl::StatusOr<std::string> DeploymentStore::SavePlan(v1::Plan plan) {
  absl::StatusOr<std::string> token = RandomToken();
  if (!token.ok()) return token.status();
  plan.set_token(*token);
  if (!plan.has_expire_time()) {
    *plan.mutable_expire_time() = ToTimestamp(clock_->Now() + kPlanLife);
  }
  BoundTexts(plan);
  const std::string key = PlanKey(*token);
  std::vector<StoreWrite> writes = {{.key = key, .value = plan.SerializeAsString()}};
  writes[0].expected_revision = 0;
  const size_t bytes = writes[0].value->size();
  MutexLock lock(plans_mutex_);
  if (absl::Status read = ReadPlans(); !read.ok()) return read;
  const std::vector<std::string> dropped = PlansToDrop(bytes);
  for (const std::string& old : dropped) writes.push_back({.key = old});
  if (absl::Status written = store_->Write(writes).status(); !written.ok()) return written;
  for (const std::string& old : dropped) plans_.erase(old);
  plans_[key] = {.expire = FromTimestamp(plan.expire_time()), .bytes = bytes};
  return token;
}

absl::Status DeploymentStore::ReadPlans() {
  if (plans_read_) return absl::OkStatus();
  std::map<std::string, StoredPlan> plans;
  absl::Status read =
      ForEachValue(*store_, kPlanPrefix, [&](const StoredValue& value) -> absl::StatusOr<bool> {
        v1::Plan plan;
        // A damaged one is the first to go.
        const bool readable = plan.ParseFromString(value.value);
        plans[value.key] = {
            .expire = readable ? FromTimestamp(plan.expire_time()) : absl::InfinitePast(),
            .bytes = value.value.size()};
        return true;
      });
  if (!read.ok()) return read;
  plans_ = std::move(plans);
  plans_read_ = true;
  return absl::OkStatus();
}

std::vector<std::string> DeploymentStore::PlansToDrop(size_t bytes) const {
  std::vector<std::pair<absl::Time, std::string>> oldest;
  for (const auto& [key, plan] : plans_) {
    oldest.emplace_back(plan.expire, key);
    bytes += plan.bytes;
  }
  std::sort(oldest.begin(), oldest.end());
  size_t count = oldest.size() + 1;
  std::vector<std::string> dropped;
  for (const auto& [expire, key] : oldest) {
    const bool fit = count <= plan_limits_.count && bytes <= plan_limits_.bytes;
    if (fit && expire > clock_->Now()) break;
    dropped.push_back(key);
    bytes -= plans_.at(key).bytes;
    --count;
  }
  return dropped;
}

absl::StatusOr<v1::Plan> DeploymentStore::LoadPlan(const std::string& token) {
  absl::StatusOr<StoredValue> value = store_->Get(PlanKey(token));
  v1::Plan plan;
  if (value.ok()) {
    if (absl::Status status = Parse(*value, plan); !status.ok()) return status;
  } else if (!absl::IsNotFound(value.status())) {
    return value.status();
  }
  if (value.ok() && clock_->Now() < FromTimestamp(plan.expire_time())) return plan;
  // The same for both, so that nothing is learnt by guessing.
  return MakeError(
      Reason::kPlanUnknown,
      "there is no plan with this token, or it has expired, or newer plans took its place; make "
      "one with `gitopsctl plan`");
}

}  // namespace gitops
