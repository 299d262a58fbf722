#include "services/planner/run/rollout_policy.h"

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"

namespace gitops {
namespace {

OnFailure OnFailureOf(v1::Rollout::OnFailure on_failure) {
  switch (on_failure) {
    case v1::Rollout::ON_FAILURE_CONTINUE:
      return OnFailure::kContinue;
    case v1::Rollout::ON_FAILURE_ROLLBACK:
      return OnFailure::kRollback;
    default:
      return OnFailure::kStop;
  }
}

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
  policy.on_failure = OnFailureOf(rollout.on_failure());
  policy.catch_up = rollout.catch_up();
  return policy;
}

HostPhase PhaseOf(const HostRecord& host) {
  switch (host.host.state()) {
    case v1::HOST_DEPLOYMENT_STATE_RUNNING:
      return host.rolling_back ? HostPhase::kRollingBack : HostPhase::kRunning;
    case v1::HOST_DEPLOYMENT_STATE_SUCCEEDED:
      return HostPhase::kSucceeded;
    case v1::HOST_DEPLOYMENT_STATE_SKIPPED:
      return HostPhase::kSkipped;
    case v1::HOST_DEPLOYMENT_STATE_FAILED:
      return HostPhase::kFailed;
    case v1::HOST_DEPLOYMENT_STATE_UNREACHABLE:
      return HostPhase::kUnreachable;
    case v1::HOST_DEPLOYMENT_STATE_STOPPED:
      return HostPhase::kStopped;
    case v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK:
      return HostPhase::kRolledBack;
    case v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED:
      return HostPhase::kRollbackFailed;
    default:
      return HostPhase::kPending;
  }
}

const char* PhaseName(HostPhase phase) {
  switch (phase) {
    case HostPhase::kPending:
      return "pending";
    case HostPhase::kRunning:
      return "running";
    case HostPhase::kSucceeded:
      return "succeeded";
    case HostPhase::kSkipped:
      return "skipped";
    case HostPhase::kFailed:
      return "failed";
    case HostPhase::kUnreachable:
      return "unreachable";
    case HostPhase::kStopped:
      return "stopped";
    case HostPhase::kRollingBack:
      return "rolling-back";
    case HostPhase::kRolledBack:
      return "rolled-back";
    case HostPhase::kRollbackFailed:
      return "rollback-failed";
  }
  return "";
}

absl::Duration DurationOr(const google::protobuf::Duration& duration, absl::Duration otherwise) {
  const absl::Duration given =
      absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  return given > absl::ZeroDuration() ? given : otherwise;
}

}  // namespace gitops
