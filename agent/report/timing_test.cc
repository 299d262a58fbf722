#include "agent/report/timing.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

constexpr double kAlmostOne = 0.999999;

TEST(ReconnectDelayTest, FirstIsWithinASecondAndNoneBeyondTen) {
  struct Case {
    int failures;
    absl::Duration most;
  };
  for (const Case& c : {Case{0, absl::Seconds(1)}, Case{1, absl::Seconds(2)},
                        Case{2, absl::Seconds(4)}, Case{3, absl::Seconds(8)},
                        Case{4, absl::Seconds(10)}, Case{1'000'000, absl::Seconds(10)}}) {
    EXPECT_EQ(ReconnectDelay(c.failures, 0), absl::Milliseconds(200)) << c.failures;
    EXPECT_LE(ReconnectDelay(c.failures, kAlmostOne), c.most) << c.failures;
    EXPECT_GT(ReconnectDelay(c.failures, kAlmostOne), 0.99 * c.most) << c.failures;
  }
}

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
