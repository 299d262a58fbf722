#include "services/promotion_receiver/engine/environment_plan.h"

#include <gtest/gtest.h>

#include "common/clock/timestamp.h"

namespace gitops {
namespace {

using record::v1::Promotion;

const absl::Time kNoon = absl::FromUnixSeconds(1767268800);

// Created, or with its event, at that minute after noon.
Promotion At(const std::string& id, int minute, int replayed = -1) {
  Promotion promotion;
  promotion.set_id(id);
  *promotion.mutable_create_time() = ToTimestamp(kNoon + absl::Minutes(minute));
  *promotion.mutable_event()->mutable_timestamp() = promotion.create_time();
  if (replayed >= 0) {
    promotion.set_replayed(true);
    *promotion.mutable_replay_time() = ToTimestamp(kNoon + absl::Minutes(replayed));
  }
  return promotion;
}

TEST(EnvironmentPlanTest, NewerOrLaterReplayedReplaces) {
  struct Case {
    const char* reason;
    Promotion b, a;
    bool replaces;
  };
  const Case cases[] = {
      {"its event is later", At("2", 5), At("1", 0), true},
      {"its event is earlier", At("2", 0), At("1", 5), false},
      {"equal events: the later arrival", At("2", 0), At("1", 0), true},
      {"not itself", At("1", 0), At("1", 0), false},
      {"a replay of an older one", At("1", 0, 9), At("2", 5), true},
      {"an older one, replayed before the other came", At("1", 0, 3), At("2", 5), false},
      {"an event after the replay", At("2", 5), At("1", 0, 3), true},
      {"an event before the replay", At("2", 5), At("1", 0, 9), false},
      {"the later of two replays", At("1", 0, 9), At("2", 5, 7), true},
      {"the earlier of two replays", At("2", 5, 7), At("1", 0, 9), false},
  };
  for (const Case& c : cases) EXPECT_EQ(Replaces(c.b, c.a), c.replaces) << c.reason;
}

class PlanTest : public testing::Test {
 protected:
  // dev, qa, prod, each with notifications.
  PlanTest() {
    pipeline_->file = "search.yaml";
    for (const char* name : {"dev", "qa", "prod"}) {
      Environment environment;
      environment.name = name;
      environment.promotion.strategy = NotificationStrategy();
      pipeline_->environments.push_back(environment);
    }
    snapshot_.pipeline = pipeline_;
    snapshot_.source = {"shopping", "search", "dev"};
    snapshot_.hold_of = [](const std::string&) { return std::nullopt; };
    snapshot_.blocked = [](const Strategy&) { return ""; };
    snapshot_.now = kNoon;
  }

  void Unfinished(const std::string& target, record::v1::PromotionState state) {
    Promotion promotion = At("1", 0);
    promotion.set_state(state);
    promotion.set_source_environment("dev");
    promotion.set_environment(target);
    promotion.set_strategy("notification");
    snapshot_.unfinished = {promotion};
  }

  EnvironmentPlan Plan() const {
    const auto text = [] { return std::string("x"); };
    return PlanEnvironment(snapshot_, text, text);
  }

  const std::shared_ptr<Pipeline> pipeline_ = std::make_shared<Pipeline>();
  EnvironmentSnapshot snapshot_;
};

TEST_F(PlanTest, PromotionWhoseSourceIsNoLongerBeforeItWaits) {
  Unfinished("prod", record::v1::PROMOTION_STATE_OBSERVING);
  const EnvironmentPlan plan = Plan();
  ASSERT_EQ(plan.writes.size(), 1u);
  EXPECT_EQ(plan.writes[0].promotion->state(), record::v1::PROMOTION_STATE_OBSERVING);
  EXPECT_NE(plan.writes[0].promotion->message().find("prod no longer comes after dev"),
            std::string::npos);
}

TEST_F(PlanTest, PromotionInProgressFailsIfItsStrategyChanges) {
  Unfinished("qa", record::v1::PROMOTION_STATE_RUNNING);
  EXPECT_TRUE(Plan().writes.empty());
  pipeline_->environments[1].promotion.strategy = RolloutStrategy();
  snapshot_.calling = "1";
  EXPECT_TRUE(Plan().writes.empty()) << "not during a call";
  snapshot_.calling.clear();
  const EnvironmentPlan plan = Plan();
  ASSERT_EQ(plan.writes.size(), 1u);
  EXPECT_EQ(plan.writes[0].promotion->state(), record::v1::PROMOTION_STATE_FAILED);
  EXPECT_NE(plan.writes[0].promotion->message().find("changed from notification to rollout"),
            std::string::npos);
}

TEST_F(PlanTest, PromotionInProgressSaysThatItsStrategyIsGone) {
  Unfinished("qa", record::v1::PROMOTION_STATE_RUNNING);
  pipeline_->environments[1].promotion.strategy.reset();
  const EnvironmentPlan plan = Plan();
  ASSERT_EQ(plan.writes.size(), 1u);
  EXPECT_EQ(plan.writes[0].promotion->state(), record::v1::PROMOTION_STATE_RUNNING);
  EXPECT_NE(plan.writes[0].promotion->message().find("qa has no promotion.strategy"),
            std::string::npos);
}

}  // namespace
}  // namespace gitops
