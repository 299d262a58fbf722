#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_FILTER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_FILTER_H_

#include "gitops/record/v1/promotion.pb.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops {

bool Matches(const record::v1::Promotion& promotion, const v1::PromotionFilter& filter);

// A stored promotion as the API shows it, with its etag.
v1::Promotion ToApi(const record::v1::Promotion& promotion);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_FILTER_H_
