#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/rpc/error.h"
#include "common/store/temp_store.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "services/planner/record/deployment_store.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class PlansTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  TempStore temp_{&clock_};
  DeploymentStore deployments_{temp_.store(), &clock_};
};

TEST_F(PlansTest, WhatWasShownComesBackUntilItExpires) {
  v1::Plan plan;
  plan.add_hosts()->set_host("web1");
  plan.add_revisions()->set_hash("1111");
  plan.mutable_expire_time()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 60);
  const std::string token = *deployments_.SavePlan(plan);
  plan.set_token(token);
  temp_.Reopen();
  DeploymentStore again(temp_.store(), &clock_);
  clock_.Advance(absl::Seconds(59));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*again.LoadPlan(token), plan));
  clock_.Advance(absl::Seconds(1));
  absl::Status status = again.LoadPlan(token).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status, again.LoadPlan("never given").status());
  EXPECT_THAT(status.message(), Not(HasSubstr(token)));
}

TEST_F(PlansTest, APlanThatDoesNotSayIsGoodForADay) {
  const std::string token = *deployments_.SavePlan({});
  clock_.Advance(absl::Hours(24) - absl::Nanoseconds(1));
  EXPECT_TRUE(deployments_.LoadPlan(token).ok());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(deployments_.LoadPlan(token).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PlansTest, TokensAre128BitsThatAreSafeInAUrlAndDifferEachTime) {
  std::set<std::string> tokens;
  for (int i = 0; i < 50; ++i) {
    const std::string token = *deployments_.SavePlan({});
    EXPECT_THAT(token, MatchesRegex("[0-9a-f]{32}"));
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 50u);
}

TEST_F(PlansTest, BeyondTheLimitsTheOldestGo) {
  const auto save = [&](DeploymentStore& store, size_t bytes) {
    clock_.Advance(absl::Seconds(1));
    v1::Plan plan;
    plan.add_hosts()->set_host(std::string(bytes, 'x'));
    return *store.SavePlan(plan);
  };
  const auto kept = [&](DeploymentStore& store, const std::vector<std::string>& tokens) {
    std::string kept;
    for (const std::string& token : tokens) kept += store.LoadPlan(token).ok() ? '1' : '0';
    return kept;
  };
  const PlanLimits limits = {.count = 3, .bytes = 5000};
  DeploymentStore first(temp_.store(), &clock_, limits);
  std::vector<std::string> tokens;
  for (int i = 0; i < 4; ++i) tokens.push_back(save(first, 10));
  EXPECT_EQ(kept(first, tokens), "0111");
  DeploymentStore restarted(temp_.store(), &clock_, limits);
  tokens.push_back(save(restarted, 10));
  EXPECT_EQ(kept(restarted, tokens), "00111");
  tokens.push_back(save(restarted, 4700));
  EXPECT_EQ(kept(restarted, tokens), "000111") << "of number and of bytes";
  tokens.push_back(save(restarted, 3000));
  EXPECT_EQ(kept(restarted, tokens), "0000001");
  tokens.push_back(save(restarted, 6000));
  EXPECT_EQ(kept(restarted, tokens), "00000001") << "the newest is kept however large it is";
  EXPECT_EQ(temp_.store()->List("planner/v1/plan/")->size(), 1u);
}

TEST_F(PlansTest, APlanThatIsTooLargeIsRefusedAndTakesNobodysPlace) {
  DeploymentStore limited(temp_.store(), &clock_, {.count = 1, .plan_bytes = 1000});
  const std::string token = *limited.SavePlan({});
  v1::Plan plan;
  for (int i = 0; i < 100; ++i) plan.add_hosts()->add_actions("upload-secrets");
  const absl::Status refused = limited.SavePlan(plan).status();
  EXPECT_TRUE(HasReason(refused, Reason::kPlanTooLarge)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("100 hosts"));
  EXPECT_TRUE(limited.LoadPlan(token).ok());
}

TEST_F(PlansTest, ADamagedPlanIsDataLoss) {
  const std::string token = *deployments_.SavePlan({});
  ASSERT_TRUE(temp_.store()->Put(absl::StrCat("planner/v1/plan/", token), "\xff\xff").ok());
  EXPECT_EQ(deployments_.LoadPlan(token).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(deployments_.LoadPlan("").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
