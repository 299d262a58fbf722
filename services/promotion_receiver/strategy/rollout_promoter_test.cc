#include "services/promotion_receiver/strategy/rollout_promoter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/error.h"
#include "common/rpc/server.h"
#include "common/sync/mutex.h"
#include "gitops/v1/planner.grpc.pb.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Code = absl::StatusCode;
using End = PromotionResult::End;

const std::string kCommit(40, 'c');

// A planner that keeps deployments, and creates one for each request_id.
class DeployingPlanner final : public v1::PlannerService::Service {
 public:
  DeployingPlanner() {
    RpcServerOptions options;
    options.listen = "127.0.0.1:0";
    options.services = {this};
    server_ = *RpcServer::Start(options);
  }

  std::string address() const { return server_->address(); }
  std::vector<v1::CreateDeploymentRequest> created() const {
    MutexLock lock(mutex_);
    return created_;
  }
  void Set(const std::string& id, v1::DeploymentState state, const std::string& message = "") {
    MutexLock lock(mutex_);
    deployments_[id].set_state(state);
    deployments_[id].set_message(message);
  }
  void LoseAnswers(bool lose) {
    MutexLock lock(mutex_);
    lose_answers_ = lose;
  }

  grpc::Status CreateDeployment(grpc::ServerContext*, const v1::CreateDeploymentRequest* request,
                                v1::CreateDeploymentResponse* response) override {
    MutexLock lock(mutex_);
    std::string& id = ids_[request->request_id()];
    if (id.empty()) {
      created_.push_back(*request);
      id = "d" + std::to_string(created_.size());
      v1::Deployment& deployment = deployments_[id];
      deployment.set_id(id);
      deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
      deployment.set_reason(request->reason());
      deployment.set_host_count(3);
    }
    if (lose_answers_) return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the planner stops");
    *response->mutable_deployment() = deployments_[id];
    return grpc::Status::OK;
  }
  grpc::Status GetDeployment(grpc::ServerContext*, const v1::GetDeploymentRequest* request,
                             v1::GetDeploymentResponse* response) override {
    MutexLock lock(mutex_);
    const auto found = deployments_.find(request->id());
    if (found == deployments_.end()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "none");
    *response->mutable_deployment() = found->second;
    return grpc::Status::OK;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::string> ids_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Deployment> deployments_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::CreateDeploymentRequest> created_ ABSL_GUARDED_BY(mutex_);
  bool lose_answers_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<RpcServer> server_;
};

std::unique_ptr<Promoter> PromoterAt(const std::string& address) {
  ClientOptions options;
  options.address = address;
  options.insecure = true;
  return NewRolloutPromoter(PlannerClient::New(options).value());
}

PromotionOrder Order() {
  PromotionOrder order;
  order.promotion.set_id("id-1");
  order.promotion.set_namespace_("shopping");
  order.promotion.set_pipeline("search");
  order.promotion.set_environment("prod");
  order.promotion.set_version("main@sha1:" + kCommit);
  order.promotion.set_revision("main@sha1:" + kCommit);
  order.pipeline.namespace_ = "shopping";
  order.pipeline.name = "search";
  order.pipeline.app = {.api_version = "gitops/v1", .kind = "Service", .name = "nginx"};
  Target target;
  target.hosts.emplace().add_on("web*");
  RolloutStrategy strategy{.actions = {"sync"}};
  strategy.rollout.set_canary(1);
  Environment prod{.name = "prod", .targets = {target}};
  prod.promotion.strategy = strategy;
  order.pipeline.environments = {{.name = "dev"}, prod};
  return order;
}

class RolloutPromoterTest : public ::testing::Test {
 protected:
  PromotionResult MustPromote(const PromotionOrder& order) {
    auto result = promoter_->Promote(order);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(PromotionResult{.end = End::kRejected});
  }
  // With the result of the attempt before, as the engine stores it.
  PromotionOrder Next(const std::string& result) {
    PromotionOrder order = Order();
    order.promotion.set_result(result);
    return order;
  }

  DeployingPlanner planner_;
  std::unique_ptr<Promoter> promoter_ = PromoterAt(planner_.address());
};

TEST_F(RolloutPromoterTest, DeploysTheCommitToTheHostsOfTheEnvironmentAndWaitsForTheEnd) {
  const PromotionResult begun = MustPromote(Order());
  EXPECT_EQ(begun.end, End::kInProgress);
  EXPECT_EQ(begun.result, "d1");
  EXPECT_GT(begun.again, absl::ZeroDuration());
  ASSERT_EQ(planner_.created().size(), 1);
  const v1::CreateDeploymentRequest request = planner_.created()[0];
  EXPECT_THAT(request.spec().selection().on(), ElementsAre("web*"));
  EXPECT_THAT(request.spec().actions(), ElementsAre("sync"));
  EXPECT_EQ(request.spec().rollout().canary(), 1);
  EXPECT_EQ(request.spec().service(), "nginx");
  EXPECT_EQ(request.spec().revision(), kCommit);
  EXPECT_THAT(request.reason(), HasSubstr("Promote shopping/search in prod"));

  EXPECT_EQ(MustPromote(Next("d1")).end, End::kInProgress);
  planner_.Set("d1", v1::DEPLOYMENT_STATE_SUCCEEDED);
  const PromotionResult done = MustPromote(Next("d1"));
  EXPECT_EQ(done.end, End::kDone);
  EXPECT_EQ(done.result, "d1");
  EXPECT_EQ(planner_.created().size(), 1);
}

TEST_F(RolloutPromoterTest, AnAttemptWhoseAnswerWasLostIsNotRepeated) {
  planner_.LoseAnswers(true);
  EXPECT_EQ(promoter_->Promote(Order()).status().code(), Code::kUnavailable);
  planner_.LoseAnswers(false);
  EXPECT_EQ(MustPromote(Order()).result, "d1");
  EXPECT_EQ(planner_.created().size(), 1);
}

TEST_F(RolloutPromoterTest, AReplayCreatesAnotherDeploymentAlsoIfItStillHasTheOldResult) {
  MustPromote(Order());
  planner_.Set("d1", v1::DEPLOYMENT_STATE_FAILED, "web2: out of disk");
  PromotionOrder replay = Next("d1");
  replay.promotion.set_effect_key("id-1-replay-1");
  const PromotionResult begun = MustPromote(replay);
  EXPECT_EQ(begun.result, "d2");
  EXPECT_EQ(begun.end, End::kInProgress);
  EXPECT_EQ(MustPromote(replay).result, "d2");
  EXPECT_EQ(planner_.created().size(), 2);
}

TEST_F(RolloutPromoterTest, AFailedDeploymentFailsThePromotionWithItsMessage) {
  MustPromote(Order());
  planner_.Set("d1", v1::DEPLOYMENT_STATE_FAILED, "web2: out of disk");
  const auto failed = promoter_->Promote(Next("d1"));
  EXPECT_EQ(failed.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(failed.status().message(), "deployment d1 failed: web2: out of disk");
  planner_.Set("d1", v1::DEPLOYMENT_STATE_CANCELLED, "alice: wrong day");
  EXPECT_EQ(promoter_->Promote(Next("d1")).status().message(),
            "deployment d1 was cancelled: alice: wrong day");
}

TEST_F(RolloutPromoterTest, AnInterruptedDeploymentIsWaitedFor) {
  MustPromote(Order());
  planner_.Set("d1", v1::DEPLOYMENT_STATE_INTERRUPTED);
  const PromotionResult result = MustPromote(Next("d1"));
  EXPECT_EQ(result.end, End::kInProgress);
  EXPECT_THAT(result.message, HasSubstr("until somebody resumes it"));
}

TEST_F(RolloutPromoterTest, WhatIsNoFleetServiceIsDeployedWithoutAService) {
  PromotionOrder order = Order();
  order.pipeline.app = {.api_version = "kustomize.toolkit.fluxcd.io/v1", .kind = "Kustomization"};
  MustPromote(order);
  EXPECT_FALSE(planner_.created()[0].spec().has_service());
}

TEST_F(RolloutPromoterTest, WhatCannotBeDeployedFails) {
  PromotionOrder no_commit = Order();
  no_commit.promotion.set_revision("1.2.3");
  EXPECT_THAT(std::string(promoter_->Promote(no_commit).status().message()),
              HasSubstr("has no commit, which a rollout needs"));
  PromotionOrder no_hosts = Order();
  no_hosts.pipeline.environments[1].targets = {Target{.namespace_ = "shopping"}};
  EXPECT_EQ(promoter_->Promote(no_hosts).status().code(), Code::kInvalidArgument);
  PromotionOrder other = Order();
  other.pipeline.environments[1].promotion.strategy = NotificationStrategy{};
  EXPECT_EQ(promoter_->Promote(other).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(NewRolloutPromoter(std::nullopt)->Promote(Order()).status().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(promoter_->Promote(Next("unknown")).status().code(), Code::kNotFound);
  EXPECT_TRUE(planner_.created().empty());
}

TEST(RolloutPromoterWithoutPlannerTest, APlannerThatIsDownIsTriedAgain) {
  const auto result = PromoterAt("127.0.0.1:1")->Promote(Order());
  EXPECT_EQ(result.status().code(), Code::kUnavailable);
  EXPECT_TRUE(HasReason(result.status(), Reason::kPlannerUnreachable)) << result.status();
}

}  // namespace
}  // namespace gitops
