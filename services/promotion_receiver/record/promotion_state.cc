#include "services/promotion_receiver/record/promotion_state.h"

namespace gitops {

using record::v1::PromotionState;

bool HasEnded(PromotionState state) {
  switch (state) {
    case record::v1::PROMOTION_STATE_IGNORED:
    case record::v1::PROMOTION_STATE_SUCCEEDED:
    case record::v1::PROMOTION_STATE_FAILED:
    case record::v1::PROMOTION_STATE_REJECTED:
    case record::v1::PROMOTION_STATE_SUPERSEDED:
      return true;
    default:
      return false;
  }
}

bool IsWaiting(PromotionState state) {
  return !HasEnded(state) && state != record::v1::PROMOTION_STATE_RUNNING;
}

}  // namespace gitops
