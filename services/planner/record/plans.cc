#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/store/convert.h"
#include "common/text/plural.h"
#include "common/text/random_hex.h"
#include "services/planner/record/deployment_store.h"
#include "services/planner/record/record_texts.h"

namespace gitops {
namespace {

constexpr absl::Duration kPlanLife = absl::Hours(24);

}  // namespace

absl::StatusOr<std::string> DeploymentStore::SavePlan(
    v1::Plan plan, const std::function<std::vector<StoreWrite>(const std::string& token)>& also) {
  const std::string token = RandomHex(32);
  plan.set_token(token);
  if (!plan.has_expire_time()) {
    *plan.mutable_expire_time() = ToTimestamp(clock_->Now() + kPlanLife);
  }
  auto stored = Converted<record::v1::Plan>(plan);
  BoundTexts(stored);
  std::vector<StoreWrite> writes = {stored_plans_.Put(token, stored)};
  writes[0].expected_revision = 0;
  const size_t bytes = writes[0].value->size();
  if (bytes > plan_limits_.plan_bytes) {
    return MakeError(
        Reason::kPlanTooLarge,
        absl::StrCat("store a plan of ", Counted(plan.hosts_size(), "host"), ": it takes ", bytes,
                     " bytes, more than ", plan_limits_.plan_bytes,
                     "; select fewer hosts, or give fewer actions"));
  }
  if (also) {
    for (StoreWrite& write : also(token)) writes.push_back(std::move(write));
  }
  MutexLock lock(plans_mutex_);
  if (absl::Status read = ReadPlans(); !read.ok()) return read;
  const std::vector<std::string> dropped = PlansToDrop(bytes);
  for (const std::string& old : dropped) writes.push_back(stored_plans_.Delete(old));
  if (absl::Status written = store_->Write(writes).status(); !written.ok()) return written;
  for (const std::string& old : dropped) plans_.erase(old);
  plans_[token] = {.expire = FromTimestamp(plan.expire_time()), .bytes = bytes};
  return token;
}

absl::Status DeploymentStore::ReadPlans() {
  if (plans_read_) return absl::OkStatus();
  std::map<std::string, StoredPlan> plans;
  absl::Status read = stored_plans_.ForEach("", "", [&](Table<record::v1::Plan>::Row& row) {
    // A damaged one is the first to go.
    plans[row.name] = {.expire = row.message.ok() ? FromTimestamp(row.message->expire_time())
                                                  : absl::InfinitePast(),
                       .bytes = row.bytes};
    return true;
  });
  if (!read.ok()) return read;
  plans_ = std::move(plans);
  plans_read_ = true;
  return absl::OkStatus();
}

std::vector<std::string> DeploymentStore::PlansToDrop(size_t bytes) const {
  std::vector<std::pair<absl::Time, std::string>> oldest;
  for (const auto& [token, plan] : plans_) {
    oldest.emplace_back(plan.expire, token);
    bytes += plan.bytes;
  }
  std::sort(oldest.begin(), oldest.end());
  size_t count = oldest.size() + 1;
  std::vector<std::string> dropped;
  for (const auto& [expire, token] : oldest) {
    const bool fit = count <= plan_limits_.count && bytes <= plan_limits_.bytes;
    if (fit && expire > clock_->Now()) break;
    dropped.push_back(token);
    bytes -= plans_.at(token).bytes;
    --count;
  }
  return dropped;
}

absl::StatusOr<v1::Plan> DeploymentStore::LoadPlan(const std::string& token) {
  const absl::StatusOr<record::v1::Plan> stored = LoadStoredPlan(token);
  if (!stored.ok()) return stored.status();
  return Converted<v1::Plan>(*stored);
}

absl::StatusOr<record::v1::Plan> DeploymentStore::LoadStoredPlan(const std::string& token) {
  absl::StatusOr<record::v1::Plan> stored = stored_plans_.Get(token);
  if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
  if (stored.ok() && clock_->Now() < FromTimestamp(stored->expire_time())) return stored;
  // The same error for all, so that guessing tokens reveals nothing.
  return MakeError(
      Reason::kPlanUnknown,
      "there is no plan with this token, or it has expired, or newer plans took its place; make "
      "one with `gitopsctl plan`");
}

}  // namespace gitops
