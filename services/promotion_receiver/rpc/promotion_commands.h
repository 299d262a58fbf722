#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_COMMANDS_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_COMMANDS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/principal.h"
#include "gitops/v1/promotion.pb.h"
#include "services/promotion_receiver/rpc/promotion_service.h"

namespace gitops {

// The methods of PromotionService that change something; errors as there. Thread-safe.
class PromotionCommands {
 public:
  explicit PromotionCommands(const PromotionServiceOptions& options) : options_(options) {}

  absl::StatusOr<v1::Promotion> Receive(const v1::ReceiveApprovalRequest& request);
  absl::StatusOr<v1::Promotion> Approve(const v1::ApprovePromotionRequest& request,
                                        const Principal& caller);
  absl::StatusOr<v1::Promotion> Reject(const v1::RejectPromotionRequest& request,
                                       const Principal& caller);
  absl::StatusOr<v1::Promotion> Replay(const v1::ReplayPromotionRequest& request,
                                       const Principal& caller,
                                       const std::function<bool()>& give_up);
  absl::StatusOr<v1::EnvironmentHold> Hold(const v1::HoldEnvironmentRequest& request,
                                           const Principal& caller);
  absl::StatusOr<v1::ReleaseEnvironmentResponse> Release(
      const v1::ReleaseEnvironmentRequest& request, const Principal& caller);
  absl::Status RemoveDamaged(const std::string& key, const Principal& caller);

 private:
  // Lets the engine look at promotions into an environment.
  void LookAt(const EnvironmentName& target) const;

  const PromotionServiceOptions options_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_RPC_PROMOTION_COMMANDS_H_
