#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_ROLLOUT_SELECTION_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_ROLLOUT_SELECTION_H_

#include "absl/status/statusor.h"
#include "gitops/v1/deployment.pb.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// The hosts of a rollout into an environment: those of all of its targets, in one selection.
// Targets are merged by their `on` if they do not differ otherwise. INVALID_ARGUMENT: a target is
// not hosts, or there is none; several targets differ in something else than `on`, or have skip,
// every or limit.
absl::StatusOr<v1::Selection> RolloutSelection(const Environment& environment);

// Whether the application is a service of the fleet: gitops/v1, kind Service.
bool IsFleetService(const AppRef& app);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PIPELINE_ROLLOUT_SELECTION_H_
