#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_APPROVAL_CHECK_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_APPROVAL_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/pipeline/pipeline_set.h"
#include "services/promotion_receiver/record/promotion_store.h"
#include "services/promotion_receiver/secret/secrets.h"

namespace gitops {

// Checks a signed approval, in this order: pipeline, signature, path, timestamp, environment, and
// that the signature was not used before; it is used then, whatever becomes of the approval.
// Returns who approves: "approval key of NS/NAME". The codes and reasons of errors are those of
// docs/reference/promotions.md; messages never hold a secret or a computed signature. Thread-safe.
absl::StatusOr<std::string> CheckApproval(const v1::ReceiveApprovalRequest& approval,
                                          const Pipelines& pipelines, Secrets& secrets,
                                          PromotionStore& store, absl::Time now);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_INTAKE_APPROVAL_CHECK_H_
