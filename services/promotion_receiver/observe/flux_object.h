#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLUX_OBJECT_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLUX_OBJECT_H_

#include <string>

#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "services/promotion_receiver/decide/observation.h"

namespace gitops {

// What the status of a Flux object says.
struct FluxStatus {
  TargetObservation::Health health = TargetObservation::Health::kUnknown;
  std::string revision, version;                 // that it runs; empty: none
  absl::Time transition = absl::InfinitePast();  // of its Ready condition
  std::string detail;                            // why it is not healthy, in words
  // False: objects of this kind do not say which revision they run.
  bool has_revision = true;
};

// A plain function of any JSON. Healthy: Ready is True, and the controller has seen the current
// generation. The revision is what was applied, never what was attempted: lastAppliedRevision
// (Kustomization, HelmRelease up to v2beta2, others), or the chart of the newest release of a
// HelmRelease v2, if it is deployed.
FluxStatus ReadFluxObject(const nlohmann::json& object);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLUX_OBJECT_H_
