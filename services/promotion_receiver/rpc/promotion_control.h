#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_CONTROL_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_CONTROL_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/actor.h"
#include "common/store/request_ids.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/pipeline/environment_name.h"

namespace gitops {

// What the API asks of the engine that carries promotions out. `where` is the environment into
// which a promotion goes; `actor` is a caller, or "approval key of NS/NAME". The methods
// return the promotion as it is stored afterwards; its state is durable then. Thread-safe.
//
// Errors of all methods: NOT_FOUND (PIPELINE_UNKNOWN, ENVIRONMENT_UNKNOWN); those of Store.
class PromotionControl {
 public:
  virtual ~PromotionControl() = default;

  // Approves exactly this revision, which waits for approval; also before its soak is over where
  // `force` is set. INVALID_ARGUMENT: `force` without a reason. FAILED_PRECONDITION: another
  // revision, or none, waits (NOTHING_WAITS); it has not soaked yet (SOAK_NOT_OVER).
  virtual absl::StatusOr<record::v1::Promotion> Approve(const EnvironmentName& where,
                                                        const std::string& revision,
                                                        const Actor& actor,
                                                        const std::string& reason, bool force) = 0;

  // Ends the promotion of exactly this revision, which has not begun, or which cannot go on since
  // its pipeline or environment is gone. FAILED_PRECONDITION: it does not wait (NOTHING_WAITS).
  virtual absl::StatusOr<record::v1::Promotion> Reject(const EnvironmentName& where,
                                                       const std::string& revision,
                                                       const Actor& actor,
                                                       const std::string& reason) = 0;

  // Carries out the newest failed, ignored, rejected or superseded promotion of this revision, also
  // to an older revision. NOT_FOUND: there is none (PROMOTION_UNKNOWN). FAILED_PRECONDITION: it is
  // in progress or has succeeded (PROMOTION_NOT_ENDED). `claim`, if there is one, is stored in the
  // same write.
  virtual absl::StatusOr<record::v1::Promotion> Replay(const EnvironmentName& where,
                                                       const std::string& revision,
                                                       const Actor& actor,
                                                       const std::string& reason,
                                                       RequestIds::Claim* claim) = 0;

  // An event about `source` was stored, or a hold on promotions out of it ended: look at once at
  // the promotions whose source it is. Returns without waiting.
  virtual void Look(const EnvironmentName& source) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_CONTROL_H_
