#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_EVENT_CHECK_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_EVENT_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {

struct EventPolicy {
  // Take unsigned events of pipelines without a key.
  bool allow_unsigned = false;
  // Signed events that are older are refused.
  absl::Duration max_age = absl::Hours(1);
};

// Checks one event in the order of the contract: pipeline, signature, JSON, age, environment,
// involved object, success, revision, next environment. Returns its promotion as it is to be stored
// if it is new, without an id: in state OBSERVING, or IGNORED with the reason why. The code and
// reason of an error are those of docs/reference/promotions.md; messages never hold a secret or a
// computed signature. Thread-safe.
absl::StatusOr<record::v1::Promotion> CheckEvent(const v1::ReceivedEvent& event,
                                                 const Pipelines& pipelines, Secrets& secrets,
                                                 const EventPolicy& policy, absl::Time now);

// NOT_FOUND (PIPELINE_UNKNOWN).
absl::StatusOr<const Pipeline*> FindPipeline(const Pipelines& pipelines,
                                             const std::string& namespace_,
                                             const std::string& name);

// The secret with the keys of an environment of that name; the pipeline's own, if there is no such
// environment. Empty: none.
const std::string& KeySecretOf(const Pipeline& pipeline, const std::string& environment);

// OK: one of `keys` made the signature. UNAUTHENTICATED (SIGNATURE_INVALID). Takes the same time
// whichever key it is.
absl::Status VerifyAny(const std::vector<Secret>& keys, absl::string_view signature,
                       absl::string_view text);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_EVENT_CHECK_H_
