#ifndef GITOPS_SERVICES_PLANNER_RUN_ROLLOUT_POLICY_H_
#define GITOPS_SERVICES_PLANNER_RUN_ROLLOUT_POLICY_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/v1/deployment.pb.h"
#include "google/protobuf/duration.pb.h"
#include "services/planner/wave/waves.h"

namespace gitops {

// Between the messages of a deployment and the plain values that decide about it.

// INVALID_ARGUMENT: an amount that is none, a negative number; names the field.
absl::StatusOr<RolloutPolicy> RolloutPolicyOf(const v1::Rollout& rollout);

// The duration, or `otherwise` where it is unset or not more than 0.
absl::Duration DurationOr(const google::protobuf::Duration& duration, absl::Duration otherwise);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RUN_ROLLOUT_POLICY_H_
