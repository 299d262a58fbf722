#include "services/promotion_receiver/strategy/rollout_promoter.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/peer.h"
#include "common/text/plural.h"
#include "common/text/utf8.h"
#include "services/promotion_receiver/pipeline/rollout_selection.h"
#include "services/promotion_receiver/yaml_edit/revision_part.h"

namespace gitops {
namespace {

using End = PromotionResult::End;

constexpr char kUser[] = "gitops-promotion-receiver";
constexpr absl::Duration kLook = absl::Seconds(2);
// Somebody has to resume it.
constexpr absl::Duration kLookAtInterrupted = absl::Seconds(30);
// The planner keeps 1,000 bytes of a reason.
constexpr size_t kLongestTitle = 800;

absl::Status Fail(absl::string_view why) { return absl::FailedPreconditionError(why); }

// What the request_id and the reason have in common, so that a deployment can be told from one of
// an earlier replay.
std::string KeyOf(const record::v1::Promotion& promotion) {
  return promotion.effect_key().empty() ? promotion.id() : promotion.effect_key();
}

std::string MarkOf(const record::v1::Promotion& promotion) {
  return absl::StrCat("(promotion ", promotion.id(), ", effect ", KeyOf(promotion), ")");
}

absl::StatusOr<v1::CreateDeploymentRequest> RequestOf(const PromotionOrder& order) {
  const record::v1::Promotion& promotion = order.promotion;
  const Environment* environment = order.pipeline.Find(promotion.environment());
  const RolloutStrategy* strategy = nullptr;
  if (environment != nullptr && environment->promotion.strategy.has_value()) {
    strategy = std::get_if<RolloutStrategy>(&*environment->promotion.strategy);
  }
  if (strategy == nullptr) {
    return Fail(absl::StrCat("pipeline ", order.pipeline.Id(), " has no rollout strategy for \"",
                             promotion.environment(), "\" any more"));
  }
  auto selection = RolloutSelection(*environment);
  if (!selection.ok()) return selection.status();
  auto commit = PartOf({.version = promotion.version(), .revision = promotion.revision()},
                       RevisionPart::kCommit);
  if (!commit.ok()) {
    return WithMessage(commit.status(),
                       absl::StrCat(commit.status().message(), ", which a rollout needs"));
  }
  v1::CreateDeploymentRequest request;
  v1::DeploymentSpec& spec = *request.mutable_spec();
  *spec.mutable_selection() = *std::move(selection);
  for (const std::string& action : strategy->actions) spec.add_actions(action);
  *spec.mutable_rollout() = strategy->rollout;
  if (IsFleetService(order.pipeline.app)) spec.set_service(order.pipeline.app.name);
  spec.set_revision(*commit);
  const std::string title = absl::StrCat("Promote ", order.pipeline.Id(), " in ",
                                         promotion.environment(), " to ", promotion.version());
  request.set_reason(absl::StrCat(ValidUtf8(title, kLongestTitle), " ", MarkOf(promotion)));
  request.set_request_id(KeyOf(promotion));
  return request;
}

absl::Status Explained(const absl::Status& status) {
  if (!IsUnreachable(status)) return status;
  return MakeError(Reason::kPlannerUnreachable, status.message());
}

class RolloutPromoter final : public Promoter {
 public:
  explicit RolloutPromoter(std::optional<PlannerClient> planner) : planner_(std::move(planner)) {}

  absl::StatusOr<PromotionResult> Promote(const PromotionOrder& order) override {
    if (!planner_.has_value()) {
      return Fail("the promotion receiver has no planner: start it with --planner ADDR");
    }
    Caller caller;
    caller.user = kUser;
    caller.give_up = order.give_up;
    PlannerClient planner = planner_->For(std::move(caller));
    if (!order.promotion.result().empty()) {
      auto deployment = planner.GetDeploymentSummary(order.promotion.result());
      if (!deployment.ok()) return Explained(deployment.status());
      if (absl::StrContains(deployment->reason(), MarkOf(order.promotion))) {
        return ResultOfDeployment(*deployment);
      }
    }
    auto request = RequestOf(order);
    if (!request.ok()) return request.status();
    auto deployment = planner.CreateDeployment(*request);
    if (!deployment.ok()) return Explained(deployment.status());
    return ResultOfDeployment(*deployment);
  }

 private:
  const std::optional<PlannerClient> planner_;
};

}  // namespace

absl::StatusOr<PromotionResult> ResultOfDeployment(const v1::Deployment& deployment) {
  const std::string name = absl::StrCat("deployment ", deployment.id());
  std::string why = deployment.message().empty() ? "" : absl::StrCat(": ", deployment.message());
  if (!deployment.cause().empty()) absl::StrAppend(&why, ": ", deployment.cause());
  PromotionResult result{
      .end = End::kInProgress, .result = deployment.id(), .message = "", .again = kLook};
  switch (deployment.state()) {
    case v1::DEPLOYMENT_STATE_SUCCEEDED:
      result.end = End::kDone;
      result.message =
          absl::StrCat(name, " succeeded on ",
                       CountedOf(deployment.succeeded_count(), deployment.host_count(), "host"));
      return result;
    case v1::DEPLOYMENT_STATE_FAILED:
      return Fail(absl::StrCat(name, " failed", why));
    case v1::DEPLOYMENT_STATE_CANCELLED:
      return Fail(absl::StrCat(name, " was cancelled", why));
    case v1::DEPLOYMENT_STATE_INTERRUPTED:
      result.message = absl::StrCat(name, " is interrupted until somebody resumes it", why);
      result.again = kLookAtInterrupted;
      return result;
    default:
      result.message = absl::StrCat(
          name, " is in progress: ",
          CountedOf(deployment.succeeded_count(), deployment.host_count(), "host"), " done");
      return result;
  }
}

std::unique_ptr<Promoter> NewRolloutPromoter(std::optional<PlannerClient> planner) {
  return std::make_unique<RolloutPromoter>(std::move(planner));
}

}  // namespace gitops
