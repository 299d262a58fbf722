#include "agent/report/timing.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

constexpr double kAlmostOne = 0.999999;

TEST(HeartbeatDelayTest, TakesOffUpToAThird) {
  EXPECT_EQ(HeartbeatDelay(absl::Seconds(30), 0), absl::Seconds(30));
  EXPECT_GE(HeartbeatDelay(absl::Seconds(30), kAlmostOne), absl::Seconds(20));
  EXPECT_LT(HeartbeatDelay(absl::Seconds(30), kAlmostOne), absl::Milliseconds(20'001));
}

TEST(HeartbeatDelayTest, APlannerCannotMakeTheAgentSpinOrFallSilent) {
  for (const absl::Duration wrong : {-absl::Seconds(5), absl::ZeroDuration()}) {
    EXPECT_EQ(HeartbeatDelay(wrong, 0), absl::Seconds(1));
  }
  EXPECT_EQ(HeartbeatDelay(absl::InfiniteDuration(), 0), absl::Hours(1));
}

}  // namespace
}  // namespace gitops
