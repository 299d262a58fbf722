#include "services/promotion_receiver/engine/engine.h"

#include <gmock/gmock.h>

#include "services/promotion_receiver/engine/engine_test_base.h"

namespace gitops {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Health = TargetObservation::Health;

class EngineTest : public EngineTestBase {};

TEST_F(EngineTest, EventPromotesWhereNothingCanBeObserved) {
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_THAT(promoter_.effects(), ElementsAre("1.1"));
  const state::Promotion done = Get(id);
  EXPECT_EQ(done.strategy(), "notification");
  EXPECT_EQ(done.attempt_count(), 1);
  EXPECT_EQ(done.result(), "effect of " + done.effect_key());
  EXPECT_TRUE(done.has_start_time());
  EXPECT_TRUE(done.has_end_time());
}

TEST_F(EngineTest, EventOnlyMakesItLookWhereTheSourceCanBeObserved) {
  Runs("1.0");
  Runs("1.0", "staging");
  Start();
  const std::string id = Receive("1.1");
  Settle();
  EXPECT_EQ(observer_.looks(), 1);
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_OBSERVING);
  EXPECT_THAT(Get(id).message(), HasSubstr("HelmRelease shopping/search in cluster dev runs 1.0"));
  Runs("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, SoakEndsWithoutAnotherEvent) {
  Rules().soak = absl::Minutes(30);
  Runs("1.1");
  const std::string id = Receive("1.1");
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SOAKING));
  EXPECT_EQ(FromTimestamp(Get(id).soak_end_time()), clock_.Now() + absl::Minutes(30));
  clock_.Advance(absl::Minutes(29));
  Settle();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_SOAKING);
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, SoakGoesOnOverARestart) {
  Rules().soak = absl::Minutes(30);
  Runs("1.1");
  const std::string id = Receive("1.1");
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SOAKING));
  Kill();
  clock_.Advance(absl::Minutes(30));
  store_.Reopen();
  OpenStore();
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, SoakBeginsAnewIfHealthChangedDuringTheDowntime) {
  Rules().soak = absl::Minutes(30);
  Runs("1.1");
  const std::string id = Receive("1.1");
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SOAKING));
  Kill();
  clock_.Advance(absl::Minutes(30));
  Runs("1.1");  // since now
  store_.Reopen();
  OpenStore();
  Start();
  Settle();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_SOAKING);
  EXPECT_EQ(FromTimestamp(Get(id).soak_end_time()), clock_.Now() + absl::Minutes(30));
}

TEST_F(EngineTest, UnhealthySourceEndsTheSoak) {
  Rules().soak = absl::Minutes(30);
  Runs("1.1");
  const std::string id = Receive("1.1");
  Start();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SOAKING));
  Runs("1.1", "dev", Health::kUnhealthy);
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_OBSERVING));
  EXPECT_FALSE(Get(id).has_soak_end_time());
  clock_.Advance(absl::Minutes(29));
  Runs("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SOAKING));
  EXPECT_EQ(FromTimestamp(Get(id).soak_end_time()), clock_.Now() + absl::Minutes(30));
}

TEST_F(EngineTest, PromotionWaitsForItsWindow) {
  Window window;  // 01:00 to 02:00 UTC; it is midnight
  window.from = absl::Hours(1);
  window.to = absl::Hours(2);
  Rules().windows = {window};
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_WAITING_WINDOW));
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, WhatHasBegunGoesOnAfterItsWindow) {
  Window window;  // until 01:00 UTC
  window.to = absl::Hours(1);
  Rules().windows = {window};
  promoter_.AnswerNth(1, absl::UnavailableError("not now"));
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return Get(id).has_next_attempt_time(); }));
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, NewerRevisionReplacesTheOneThatWaits) {
  Rules().manual = true;
  Start();
  const std::string old = Receive("1.1");
  EXPECT_TRUE(Becomes(old, state::PROMOTION_STATE_WAITING_APPROVAL));
  clock_.Advance(absl::Seconds(1));
  const std::string newer = Receive("1.2");
  EXPECT_TRUE(Becomes(old, state::PROMOTION_STATE_SUPERSEDED));
  EXPECT_THAT(Get(old).message(), HasSubstr("replaced by 1.2"));
  EXPECT_TRUE(Becomes(newer, state::PROMOTION_STATE_WAITING_APPROVAL));
}

TEST_F(EngineTest, NewerRevisionWaitsForTheOneInProgress) {
  promoter_.Hang();
  Start();
  const std::string old = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 1; }));
  clock_.Advance(absl::Seconds(1));
  const std::string newer = Receive("1.2");
  Settle();
  EXPECT_THAT(Get(newer).message(), HasSubstr("the promotion of 1.1 into staging"));
  promoter_.Release();
  EXPECT_TRUE(Becomes(newer, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_EQ(Get(old).state(), state::PROMOTION_STATE_SUCCEEDED);
  EXPECT_THAT(promoter_.effects(), ElementsAre("1.1", "1.2"));
}

TEST_F(EngineTest, NewerRevisionReplacesOneThatCannotHaveItsEffect) {
  promoter_.AnswerNth(1, absl::UnavailableError("the provider is down"));
  Start();
  const std::string old = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return Get(old).has_next_attempt_time(); }));
  clock_.Advance(absl::Seconds(1));
  const std::string newer = Receive("1.2");
  EXPECT_TRUE(Becomes(newer, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_EQ(Get(old).state(), state::PROMOTION_STATE_SUPERSEDED);
  EXPECT_THAT(promoter_.effects(), ElementsAre("1.2"));
}

TEST_F(EngineTest, PromotionOfAPipelineThatIsGoneWaitsUntilItIsBack) {
  Rules().manual = true;
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_WAITING_APPROVAL));
  engine_->SetPipelines({});
  EXPECT_TRUE(Eventually([&] {
    return Get(id).message().find("there is no longer a pipeline shopping/search") !=
           std::string::npos;
  }));
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_WAITING_APPROVAL);
  Rules().manual = false;
  Configure();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, PromotionIntoAnEnvironmentThatIsGoneSaysSo) {
  Rules().manual = true;
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_WAITING_APPROVAL));
  pipeline_->environments.erase(pipeline_->environments.begin() + 1);
  Configure();
  EXPECT_TRUE(Eventually([&] {
    return Get(id).message().find("no longer has an environment staging") != std::string::npos;
  }));
}

TEST_F(EngineTest, EnvironmentWithoutStrategyOnlyRecords) {
  Rules().strategy.reset();
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_HELD));
  EXPECT_THAT(Get(id).message(), HasSubstr("staging has no promotion.strategy in search.yaml"));
}

TEST_F(EngineTest, StrategyThatIsNotSetUpIsNamed) {
  Rules().strategy = RolloutStrategy();
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_HELD));
  EXPECT_THAT(Get(id).message(), HasSubstr("not set up for the strategy rollout"));
}

TEST_F(EngineTest, LostEventDoesNotLoseAPromotion) {
  Runs("1.0", "staging");
  Runs("1.0", "prod");
  Start();
  Runs("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.effects().size() == 1; }));
  const auto promotion = promotions_->Newest("shopping", "search", "dev");
  ASSERT_TRUE(promotion.has_value());
  EXPECT_FALSE(promotion->has_event());
  EXPECT_EQ(promotion->actor(), "observed");
  EXPECT_EQ(promotion->revision(), "1.1");
  EXPECT_TRUE(Becomes(promotion->id(), state::PROMOTION_STATE_SUCCEEDED));
  Runs("1.1");
  Settle();
  EXPECT_THAT(promotions_->Unfinished(), IsEmpty());
}

TEST_F(EngineTest, RevisionThatReturnsIsPromotedAgain) {
  Start();
  for (const char* revision : {"A", "B", "A"}) {
    clock_.Advance(absl::Seconds(10));
    const size_t before = promoter_.effects().size();
    Runs(revision);
    EXPECT_TRUE(Eventually([&] { return promoter_.effects().size() == before + 1; }));
  }
  EXPECT_THAT(promoter_.effects(), ElementsAre("A", "B", "A"));
}

TEST_F(EngineTest, RevisionFromBeforeTheEventIsNotPromoted) {
  Rules().manual = true;
  Runs("1.0");  // before the event about 1.1
  clock_.Advance(absl::Minutes(1));
  const std::string id = Receive("1.1");
  Start();
  Settle();
  EXPECT_EQ(Unfinished(), id);
}

TEST_F(EngineTest, RevisionThatAPersonRolledBackToIsNotPromoted) {
  Start();
  TargetObservation seen;
  seen.health = Health::kHealthy;
  seen.revision = "1.0";
  seen.since = clock_.Now();
  seen.deliberate = true;
  observer_.Set(Dev(), {seen});
  Settle();
  EXPECT_THAT(promotions_->Unfinished(), IsEmpty());
}

TEST_F(EngineTest, RevisionThatTheNextEnvironmentRunsAlreadyIsNotPromoted) {
  Runs("1.0", "staging");
  Runs("1.0", "prod");
  Runs("1.0");
  Start();
  Settle("staging");
  Settle("prod");
  EXPECT_THAT(promotions_->Unfinished(), IsEmpty());
  EXPECT_EQ(promoter_.calls(), 0);
}

TEST_F(EngineTest, EndsAndDepthAreReported) {
  promoter_.Hang();
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 1; }));
  promoter_.Release();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
  EXPECT_TRUE(Eventually([&] {
    MutexLock lock(mutex_);
    return depths_ == std::vector<int>{1, 0};
  }));
  MutexLock lock(mutex_);
  EXPECT_THAT(ends_, ElementsAre(state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, BeforeThePipelinesAreKnownNothingIsDone) {
  EngineOptions options;
  options.store = promotions_.get();
  options.observer = &observer_;
  options.clock = &clock_;
  engine_ = std::make_unique<Engine>(options);
  Receive("1.1");
  const auto rejected = engine_->Reject(Staging(), "1.1", "alice", "");
  EXPECT_EQ(rejected.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(EngineTest, StopMakesStrategiesGiveUpAndTheyGoOnAfterwards) {
  promoter_.Hang();
  Start();
  const std::string id = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 1; }));
  engine_->Stop();
  EXPECT_EQ(Get(id).state(), state::PROMOTION_STATE_RUNNING);
  EXPECT_EQ(engine_->Reject(Staging(), "1.1", "alice", "").status().code(),
            absl::StatusCode::kUnavailable);
  promoter_.Release();
  Restart();
  EXPECT_TRUE(Becomes(id, state::PROMOTION_STATE_SUCCEEDED));
}

TEST_F(EngineTest, StrategyThatHangsDelaysNoOtherEnvironment) {
  promoter_.Hang();
  Rules("prod").manual = true;
  Start();
  const std::string hanging = Receive("1.1");
  EXPECT_TRUE(Eventually([&] { return promoter_.calls() == 1; }));
  const std::string other = Receive("1.0", "staging");
  EXPECT_TRUE(Becomes(other, state::PROMOTION_STATE_WAITING_APPROVAL));
  EXPECT_EQ(Get(hanging).state(), state::PROMOTION_STATE_RUNNING);
  promoter_.Release();
}

TEST_F(EngineTest, AStormOfEventsIsDecidedAboutOnceInAPace) {
  pace_ = absl::Seconds(1);
  Rules().manual = Rules("prod").manual = true;
  Start();
  EXPECT_TRUE(Becomes(Receive("1.1"), state::PROMOTION_STATE_WAITING_APPROVAL));
  const std::string second = Receive("1.2"), third = Receive("1.3");
  // The decisions about another environment come after those that were to be made at once.
  EXPECT_TRUE(Becomes(Receive("1.0", "staging"), state::PROMOTION_STATE_WAITING_APPROVAL));
  EXPECT_EQ(Get(third).state(), state::PROMOTION_STATE_OBSERVING);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Becomes(third, state::PROMOTION_STATE_WAITING_APPROVAL));
  EXPECT_EQ(Get(second).state(), state::PROMOTION_STATE_SUPERSEDED);
}

}  // namespace
}  // namespace gitops
