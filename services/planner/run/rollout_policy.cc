#include "services/planner/run/rollout_policy.h"

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

// None for an empty text.
absl::StatusOr<std::optional<Amount>> AmountOf(const char* field, const std::string& text) {
  if (text.empty()) return std::nullopt;
  absl::StatusOr<Amount> amount = ParseAmount(text);
  if (amount.ok()) return *amount;
  return InvalidField(field, absl::StrCat(field, ": ", amount.status().message()));
}

}  // namespace

absl::StatusOr<RolloutPolicy> RolloutPolicyOf(const v1::Rollout& rollout) {
  if (rollout.canary() < 0 || rollout.max_parallel() < 0) {
    const char* const field = rollout.canary() < 0 ? "rollout.canary" : "rollout.max_parallel";
    return InvalidField(field, absl::StrCat(field, " is negative; give the number of hosts"));
  }
  RolloutPolicy policy;
  policy.canary = rollout.canary();
  if (rollout.max_parallel() > 0) policy.max_parallel = rollout.max_parallel();
  absl::StatusOr<std::optional<Amount>> batch = AmountOf("rollout.batch", rollout.batch());
  if (!batch.ok()) return batch.status();
  policy.batch = *batch;
  absl::StatusOr<std::optional<Amount>> failures =
      AmountOf("rollout.max_failures", rollout.max_failures());
  if (!failures.ok()) return failures.status();
  policy.max_failures = *failures;
  policy.pause_between = DurationOr(rollout.pause_between(), absl::ZeroDuration());
  policy.on_failure = rollout.on_failure();
  policy.catch_up = rollout.catch_up();
  return policy;
}

absl::Duration DurationOr(const google::protobuf::Duration& duration, absl::Duration otherwise) {
  const absl::Duration given =
      absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  return given > absl::ZeroDuration() ? given : otherwise;
}

}  // namespace gitops
