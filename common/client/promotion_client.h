#ifndef GITOPS_COMMON_CLIENT_PROMOTION_CLIENT_H_
#define GITOPS_COMMON_CLIENT_PROMOTION_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/client/client.h"
#include "gitops/v1/promotion.pb.h"

namespace gitops {

template <typename Service>
class Calls;
namespace v1 {
class PromotionService;
}

// The promotion receiver's RPCs. Errors, time limits, threads and copies: see PlannerClient.
class PromotionClient {
 public:
  static absl::StatusOr<PromotionClient> New(const ClientOptions& options);
  // This client for another caller, over the same connection.
  PromotionClient For(Caller caller) const;

  // The outcomes are in the order of the events, and as many.
  absl::StatusOr<v1::ReceiveEventsResponse> ReceiveEvents(const v1::ReceiveEventsRequest& request);
  absl::StatusOr<v1::Promotion> ReceiveApproval(const v1::ReceiveApprovalRequest& request);

  // Lists are all pages. `namespace_` empty: all.
  absl::StatusOr<std::vector<v1::Pipeline>> ListPipelines(const std::string& namespace_ = "");
  absl::StatusOr<v1::Pipeline> GetPipeline(const std::string& namespace_,
                                           const std::string& pipeline);
  // Newest first; at most this many (0: all).
  absl::StatusOr<std::vector<v1::Promotion>> ListPromotions(const v1::PromotionFilter& filter,
                                                            int most = 0);
  absl::StatusOr<v1::Promotion> GetPromotion(const std::string& id, bool with_body = false);

  absl::StatusOr<v1::Promotion> Approve(const v1::ApprovePromotionRequest& request);
  absl::StatusOr<v1::Promotion> Reject(const v1::RejectPromotionRequest& request);
  // Replays once, even if the answer is lost and the call is repeated. A request without a
  // request_id gets one.
  absl::StatusOr<v1::Promotion> Replay(const v1::ReplayPromotionRequest& request);
  absl::StatusOr<v1::EnvironmentHold> Hold(const v1::HoldEnvironmentRequest& request);
  // An answer without a hold: there was none.
  absl::StatusOr<v1::ReleaseEnvironmentResponse> Release(
      const v1::ReleaseEnvironmentRequest& request);

  absl::StatusOr<std::vector<v1::DamagedPromotionRecord>> ListDamagedRecords();
  absl::Status RemoveDamagedRecord(const std::string& key);

  // As PlannerClient's watches.
  absl::Status WatchPromotions(const v1::WatchPromotionsRequest& request,
                               const std::function<bool(const v1::WatchPromotionsResponse&)>& seen);

 private:
  explicit PromotionClient(std::shared_ptr<const Calls<v1::PromotionService>> calls)
      : calls_(std::move(calls)) {}

  std::shared_ptr<const Calls<v1::PromotionService>> calls_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_PROMOTION_CLIENT_H_
