#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_RECORD_KINDS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_RECORD_KINDS_H_

#include "common/store/damage.h"

namespace gitops {

// The records that the promotion receiver stores, but bodies, which are any bytes.
const RecordKinds& PromotionRecords();

// Of the keys of holds; "NAMESPACE/PIPELINE/ENVIRONMENT" follows.
inline constexpr char kHoldKeys[] = "promotion-receiver/v1/hold/";

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RECORD_RECORD_KINDS_H_
