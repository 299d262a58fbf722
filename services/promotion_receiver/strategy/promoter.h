#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PROMOTER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PROMOTER_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gitops/record/v1/promotion.pb.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// What a strategy carries out: one promotion, with its pipeline as it is now.
struct PromotionOrder {
  record::v1::Promotion promotion;
  Pipeline pipeline;
  // Polled a few times a second; true: end soon with CANCELLED. May be empty.
  std::function<bool()> give_up;
};

struct PromotionResult {
  enum class End {
    kDone,
    // The effect has begun and is watched by calling again after `again` (a deployment that runs).
    kInProgress,
    // A person refused it at the provider (the pull request was closed unmerged).
    kRejected,
  };
  End end = End::kDone;
  std::string result;   // the pull request's URL, or the deployment's id
  std::string message;  // for people
  absl::Duration again;
};

// Carries out promotions by one strategy. Blocks; thread-safe, but never called at the same time
// for one pipeline and environment.
//
// Idempotent: called again for the same promotion, after an error, a crash at any moment or
// kInProgress, it finds what it has done already, and completes it.
//
// Errors: UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED: try again later (with
// RetryInfo: not before). CANCELLED: `give_up`. Any other: this promotion has failed, with the
// message as the reason. Messages never hold a secret.
class Promoter {
 public:
  virtual ~Promoter() = default;
  virtual absl::StatusOr<PromotionResult> Promote(const PromotionOrder& order) = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_PROMOTER_H_
