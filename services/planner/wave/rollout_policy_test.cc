#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/planner/wave/waves.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(RolloutPolicyOf, WhatIsNotGivenIsOneHostAtATimeAndStop) {
  const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf({});
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->max_parallel, 1);
  EXPECT_EQ(policy->canary, 0);
  EXPECT_FALSE(policy->batch.has_value());
  EXPECT_FALSE(policy->max_failures.has_value());
  EXPECT_EQ(policy->on_failure, v1::Rollout::ON_FAILURE_UNSPECIFIED);
  EXPECT_EQ(policy->pause_between, absl::ZeroDuration());
}

TEST(RolloutPolicyOf, EveryFieldIsTaken) {
  v1::Rollout rollout;
  rollout.set_canary(2);
  rollout.set_batch("25%");
  rollout.set_max_parallel(7);
  rollout.set_max_failures("0");
  rollout.mutable_pause_between()->set_nanos(500'000'000);
  rollout.set_on_failure(v1::Rollout::ON_FAILURE_ROLLBACK);
  rollout.set_catch_up(true);
  const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(rollout);
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->canary, 2);
  EXPECT_EQ(policy->batch, (Amount{25, true}));
  EXPECT_EQ(policy->max_parallel, 7);
  EXPECT_EQ(policy->max_failures, (Amount{0, false})) << "given, though 0";
  EXPECT_EQ(policy->pause_between, absl::Milliseconds(500));
  EXPECT_EQ(policy->on_failure, v1::Rollout::ON_FAILURE_ROLLBACK);
  EXPECT_TRUE(policy->catch_up);
}

TEST(RolloutPolicyOf, WhatIsNoAmountIsRefusedByName) {
  v1::Rollout batch, failures, canary, parallel;
  batch.set_batch("many");
  failures.set_max_failures("101%");
  canary.set_canary(-1);
  parallel.set_max_parallel(-1);
  const std::pair<v1::Rollout, const char*> cases[] = {
      {batch, "batch"}, {failures, "max_failures"}, {canary, "canary"}, {parallel, "max_parallel"}};
  for (const auto& [rollout, field] : cases) {
    const absl::Status status = RolloutPolicyOf(rollout).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << field;
    EXPECT_THAT(std::string(status.message()), HasSubstr(field));
  }
}

}  // namespace
}  // namespace gitops
