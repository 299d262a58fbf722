#include "common/retry/backoff.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(BackoffTest, DoublesUpToTheLongest) {
  constexpr Backoff backoff = {.first = absl::Milliseconds(100), .longest = absl::Seconds(5)};
  EXPECT_EQ(backoff.After(1), absl::Milliseconds(100));
  EXPECT_EQ(backoff.After(2), absl::Milliseconds(200));
  EXPECT_EQ(backoff.After(6), absl::Milliseconds(3200));
  EXPECT_EQ(backoff.After(7), absl::Seconds(5));
  EXPECT_EQ(backoff.After(2'000'000'000), absl::Seconds(5));
  EXPECT_EQ(backoff.After(0), absl::Milliseconds(100));
}

TEST(BackoffTest, JitterOnlyShortensAndNotBelowTheShortest) {
  constexpr Backoff half = {.first = absl::Seconds(1), .longest = absl::Seconds(2), .jitter = 0.5};
  EXPECT_EQ(half.After(1, 0), absl::Seconds(1));
  EXPECT_EQ(half.After(1, 0.5), absl::Milliseconds(750));
  EXPECT_EQ(half.After(2, 1), absl::Seconds(1));
  EXPECT_EQ(kReportBackoff.After(1, 1), absl::Milliseconds(200));
  EXPECT_EQ(kReportBackoff.After(100, 1), absl::Milliseconds(200));
  EXPECT_EQ(kReportBackoff.After(100, 0), absl::Seconds(10));
  EXPECT_EQ(kStoreBackoff.After(3, 1), kStoreBackoff.After(3, 0)) << "no jitter";
}

TEST(BackoffTest, APollIsRetriedAtItsIntervalAndThenUpToFiveMinutesOrTheIntervalApart) {
  EXPECT_EQ(PollBackoff(absl::Seconds(60)).After(1), absl::Seconds(60));
  EXPECT_EQ(PollBackoff(absl::Seconds(60)).After(3), absl::Seconds(240));
  EXPECT_EQ(PollBackoff(absl::Seconds(60)).After(4), absl::Minutes(5));
  EXPECT_EQ(PollBackoff(absl::Minutes(20)).After(1), absl::Minutes(20));
  EXPECT_EQ(PollBackoff(absl::Minutes(20)).After(5), absl::Minutes(20));
}

TEST(BackoffTest, AZeroPauseStaysZeroWithoutSpinning) {
  constexpr Backoff none = {.first = absl::ZeroDuration(), .longest = absl::Seconds(1)};
  EXPECT_EQ(none.After(2'000'000'000), absl::ZeroDuration());
}

}  // namespace
}  // namespace gitops
