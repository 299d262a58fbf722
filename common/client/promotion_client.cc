#include "common/client/promotion_client.h"

#include "absl/strings/str_cat.h"
#include "common/client/calls.h"
#include "common/config/ports.h"
#include "common/text/plural.h"
#include "gitops/v1/promotion.grpc.pb.h"

namespace gitops {
namespace {

using PromotionCalls = Calls<v1::PromotionService>;
using Methods = PromotionCalls::Async;

// A page, or a promotion with the body of its event.
constexpr int kMaxAnswerBytes = 16 << 20;

}  // namespace

absl::StatusOr<PromotionClient> PromotionClient::New(const ClientOptions& options) {
  PeerOptions peer_options = PeerOptionsFor(options, "promotion receiver",
                                            "gitops-promotion-receiver", kPromotionReceiverPort);
  peer_options.channel.max_answer_bytes = kMaxAnswerBytes;
  auto calls = PromotionCalls::New(std::move(peer_options), options.caller);
  if (!calls.ok()) return calls.status();
  return PromotionClient(*std::move(calls));
}

PromotionClient PromotionClient::For(Caller caller) const {
  return PromotionClient(std::make_shared<const PromotionCalls>(calls_->peer(), std::move(caller)));
}

absl::StatusOr<v1::ReceiveEventsResponse> PromotionClient::ReceiveEvents(
    const v1::ReceiveEventsRequest& request) {
  auto response = calls_->Call(&Methods::ReceiveEvents, request);
  if (response.ok() && response->outcomes_size() != request.events_size()) {
    return absl::InternalError(absl::StrCat("the promotion receiver answers ",
                                            Counted(response->outcomes_size(), "outcome"), " of ",
                                            Counted(request.events_size(), "event")));
  }
  return response;
}

absl::StatusOr<v1::Promotion> PromotionClient::ReceiveApproval(
    const v1::ReceiveApprovalRequest& request) {
  return FieldOf(calls_->Call(&Methods::ReceiveApproval, request),
                 &v1::ReceiveApprovalResponse::mutable_promotion);
}

absl::StatusOr<std::vector<v1::Pipeline>> PromotionClient::ListPipelines(
    const std::string& namespace_) {
  v1::ListPipelinesRequest request;
  if (!namespace_.empty()) request.set_namespace_(namespace_);
  return calls_->AllPages(&Methods::ListPipelines, request,
                          &v1::ListPipelinesResponse::mutable_pipelines);
}

absl::StatusOr<v1::Pipeline> PromotionClient::GetPipeline(const std::string& namespace_,
                                                          const std::string& pipeline) {
  v1::GetPipelineRequest request;
  request.set_namespace_(namespace_);
  request.set_pipeline(pipeline);
  return FieldOf(calls_->Call(&Methods::GetPipeline, request),
                 &v1::GetPipelineResponse::mutable_pipeline);
}

absl::StatusOr<std::vector<v1::Promotion>> PromotionClient::ListPromotions(
    const v1::PromotionFilter& filter, int most) {
  v1::ListPromotionsRequest request;
  *request.mutable_filter() = filter;
  request.set_page_size(most);
  return calls_->AllPages(&Methods::ListPromotions, request,
                          &v1::ListPromotionsResponse::mutable_promotions, most);
}

absl::StatusOr<v1::Promotion> PromotionClient::GetPromotion(const std::string& id, bool with_body) {
  v1::GetPromotionRequest request;
  request.set_id(id);
  request.set_with_body(with_body);
  return FieldOf(calls_->Call(&Methods::GetPromotion, request),
                 &v1::GetPromotionResponse::mutable_promotion);
}

absl::StatusOr<v1::Promotion> PromotionClient::Approve(const v1::ApprovePromotionRequest& request) {
  return FieldOf(calls_->Call(&Methods::ApprovePromotion, request),
                 &v1::ApprovePromotionResponse::mutable_promotion);
}

absl::StatusOr<v1::Promotion> PromotionClient::Reject(const v1::RejectPromotionRequest& request) {
  return FieldOf(calls_->Call(&Methods::RejectPromotion, request),
                 &v1::RejectPromotionResponse::mutable_promotion);
}

absl::StatusOr<v1::Promotion> PromotionClient::Replay(const v1::ReplayPromotionRequest& request) {
  return FieldOf(calls_->Create(&Methods::ReplayPromotion, request),
                 &v1::ReplayPromotionResponse::mutable_promotion);
}

absl::StatusOr<v1::EnvironmentHold> PromotionClient::Hold(
    const v1::HoldEnvironmentRequest& request) {
  return FieldOf(calls_->Call(&Methods::HoldEnvironment, request),
                 &v1::HoldEnvironmentResponse::mutable_hold);
}

absl::StatusOr<v1::ReleaseEnvironmentResponse> PromotionClient::Release(
    const v1::ReleaseEnvironmentRequest& request) {
  return calls_->Call(&Methods::ReleaseEnvironment, request);
}

absl::StatusOr<std::vector<v1::DamagedPromotionRecord>> PromotionClient::ListDamagedRecords() {
  auto response = calls_->Call(&Methods::ListDamagedPromotionRecords,
                               v1::ListDamagedPromotionRecordsRequest(), kMoveTimeout);
  if (!response.ok()) return response.status();
  return std::vector<v1::DamagedPromotionRecord>(response->records().begin(),
                                                 response->records().end());
}

absl::Status PromotionClient::RemoveDamagedRecord(const std::string& key) {
  v1::RemoveDamagedPromotionRecordRequest request;
  request.set_key(key);
  return calls_->Call(&Methods::RemoveDamagedPromotionRecord, request).status();
}

absl::Status PromotionClient::WatchPromotions(
    const v1::WatchPromotionsRequest& request,
    const std::function<bool(const v1::WatchPromotionsResponse&)>& seen) {
  return calls_->Watch(&Methods::WatchPromotions, request, seen);
}

}  // namespace gitops
