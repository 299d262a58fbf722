#include "services/promotion_receiver/rpc/promotion_service.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/handler.h"
#include "services/promotion_receiver/record/record_kinds.h"
#include "services/promotion_receiver/rpc/promotion_commands.h"
#include "services/promotion_receiver/rpc/promotion_reads.h"
#include "services/promotion_receiver/rpc/promotion_watch.h"

namespace gitops {
namespace {

using grpc::ServerContext;

absl::Status TooManyWatchers(int most) {
  return MakeError(Reason::kTooManyWatchers,
                   absl::StrCat("this promotion receiver has ", most,
                                " watchers of promotions already; end one of them"));
}

class PromotionServiceImpl final : public PromotionService {
 public:
  explicit PromotionServiceImpl(PromotionServiceOptions options)
      : options_(std::move(options)),
        commands_(options_),
        watches_(options_.most_watchers, TooManyWatchers(options_.most_watchers), options_.clock) {}

  void Stop() override { watches_.Close(); }

  grpc::Status ReceiveEvents(ServerContext* context, const v1::ReceiveEventsRequest* request,
                             v1::ReceiveEventsResponse* response) override {
    return gate().Run(*context, *request, [&]() -> absl::Status {
      if (request->events().empty()) return InvalidField("events", "there is no event");
      *response = options_.intake->Receive(*request);
      return absl::OkStatus();
    });
  }

  grpc::Status ReceiveApproval(ServerContext* context, const v1::ReceiveApprovalRequest* request,
                               v1::ReceiveApprovalResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(commands_.Receive(*request), response->mutable_promotion());
    });
  }

  grpc::Status ListPipelines(ServerContext* context, const v1::ListPipelinesRequest* request,
                             v1::ListPipelinesResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(gitops::ListPipelines(*options_.pipelines(), *options_.promotions, *request),
                    response);
    });
  }

  grpc::Status GetPipeline(ServerContext* context, const v1::GetPipelineRequest* request,
                           v1::GetPipelineResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(gitops::GetPipeline(*options_.pipelines(), *options_.promotions, *request),
                    response->mutable_pipeline());
    });
  }

  grpc::Status ListPromotions(ServerContext* context, const v1::ListPromotionsRequest* request,
                              v1::ListPromotionsResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(gitops::ListPromotions(*options_.promotions, *request), response);
    });
  }

  grpc::Status GetPromotion(ServerContext* context, const v1::GetPromotionRequest* request,
                            v1::GetPromotionResponse* response) override {
    return gate().Run(*context, *request, [&] {
      return Answer(gitops::GetPromotion(*options_.promotions, *request),
                    response->mutable_promotion());
    });
  }

  grpc::Status WatchPromotions(ServerContext* context, const v1::WatchPromotionsRequest* request,
                               grpc::ServerWriter<v1::WatchPromotionsResponse>* writer) override {
    return gate().Run(*context, *request, [&] {
      return ServeWatch<std::string>(gate(), watches_, *context, *writer, [&](auto write) {
        return PromotionWatch(options_.promotions, *request, std::move(write));
      });
    });
  }

  grpc::Status ApprovePromotion(ServerContext* context, const v1::ApprovePromotionRequest* request,
                                v1::ApprovePromotionResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(commands_.Approve(*request, caller), response->mutable_promotion());
    });
  }

  grpc::Status RejectPromotion(ServerContext* context, const v1::RejectPromotionRequest* request,
                               v1::RejectPromotionResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(commands_.Reject(*request, caller), response->mutable_promotion());
    });
  }

  grpc::Status ReplayPromotion(ServerContext* context, const v1::ReplayPromotionRequest* request,
                               v1::ReplayPromotionResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(commands_.Replay(*request, caller, CancelledIn(*context)),
                    response->mutable_promotion());
    });
  }

  grpc::Status HoldEnvironment(ServerContext* context, const v1::HoldEnvironmentRequest* request,
                               v1::HoldEnvironmentResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(commands_.Hold(*request, caller), response->mutable_hold());
    });
  }

  grpc::Status ReleaseEnvironment(ServerContext* context,
                                  const v1::ReleaseEnvironmentRequest* request,
                                  v1::ReleaseEnvironmentResponse* response) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return Answer(commands_.Release(*request, caller), response);
    });
  }

  grpc::Status ListDamagedPromotionRecords(
      ServerContext* context, const v1::ListDamagedPromotionRecordsRequest* request,
      v1::ListDamagedPromotionRecordsResponse* response) override {
    return gate().Run(*context, *request, [&] {
      const auto found =
          FindDamaged(*options_.state, PromotionRecords(), [&] { return context->IsCancelled(); });
      if (!found.ok()) return found.status();
      for (const auto& [key, kind] : *found) {
        v1::DamagedPromotionRecord& record = *response->add_records();
        record.set_key(key);
        record.set_kind(kind);
      }
      return absl::OkStatus();
    });
  }

  grpc::Status RemoveDamagedPromotionRecord(ServerContext* context,
                                            const v1::RemoveDamagedPromotionRecordRequest* request,
                                            v1::RemoveDamagedPromotionRecordResponse*) override {
    return gate().Run(*context, *request, [&](const Principal& caller) {
      return commands_.RemoveDamaged(request->key(), caller);
    });
  }

 private:
  const RpcGate& gate() const { return *options_.gate; }

  const PromotionServiceOptions options_;
  PromotionCommands commands_;
  Watches watches_;
};

}  // namespace

std::unique_ptr<PromotionService> NewPromotionService(PromotionServiceOptions options) {
  return std::make_unique<PromotionServiceImpl>(std::move(options));
}

}  // namespace gitops
