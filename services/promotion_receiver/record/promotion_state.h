#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STATE_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STATE_H_

#include "gitops/record/v1/promotion.pb.h"

namespace gitops {

// Whether a promotion in that state has ended (an ignored event has).
bool HasEnded(record::v1::PromotionState state);
// Whether it has not ended and has not begun to be carried out.
bool IsWaiting(record::v1::PromotionState state);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_PROMOTION_STATE_H_
