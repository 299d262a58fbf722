#include "common/http/rate_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

constexpr SteadyTime kStart{absl::Hours(1)};

int Admitted(RateLimiter& limiter, const std::string& key, SteadyTime now, int tries) {
  int admitted = 0;
  for (int i = 0; i < tries; ++i) admitted += limiter.Take(key, now) == absl::ZeroDuration();
  return admitted;
}

TEST(RateLimiterTest, ABurstPassesAndThenTheRate) {
  RateLimiter limiter({.per_second = 10, .burst = 20});
  EXPECT_EQ(Admitted(limiter, "a", kStart, 50), 20);
  EXPECT_EQ(limiter.Take("a", kStart), absl::Milliseconds(100));
  EXPECT_EQ(Admitted(limiter, "a", kStart + absl::Seconds(1), 50), 10);
  EXPECT_EQ(Admitted(limiter, "b", kStart + absl::Seconds(1), 50), 20);
}

TEST(RateLimiterTest, AKeyIsForgottenWhenItsBurstIsFullAgain) {
  RateLimiter limiter({.per_second = 10, .burst = 20});
  for (int i = 0; i < 1000; ++i) limiter.Take(absl::StrCat(i), kStart);
  EXPECT_GE(limiter.size(), 1000);
  limiter.Take("x", kStart + absl::Seconds(3));
  EXPECT_EQ(limiter.size(), 1);
}

TEST(RateLimiterTest, BeyondTheMostKeysNewOnesShareOneLimit) {
  RateLimiter limiter({.per_second = 1, .burst = 5}, /*max_keys=*/10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Admitted(limiter, absl::StrCat(i), kStart, 3), 3);
  EXPECT_EQ(Admitted(limiter, "c", kStart, 3), 3);
  EXPECT_EQ(Admitted(limiter, "d", kStart, 3), 2);
  EXPECT_LE(limiter.size(), 11);
  EXPECT_EQ(Admitted(limiter, "3", kStart, 3), 2) << "an older key keeps its own limit";
}

TEST(RateLimiterTest, ZeroIsNoLimit) {
  RateLimiter limiter({.per_second = 0, .burst = 0});
  EXPECT_EQ(Admitted(limiter, "a", kStart, 1000), 1000);
}

TEST(ParseRateLimitTest, ReadsRateAndBurst) {
  EXPECT_EQ(ParseRateLimit("50")->per_second, 50);
  EXPECT_EQ(ParseRateLimit("50/s")->burst, 500);
  EXPECT_EQ(ParseRateLimit("0.5/s")->burst, 5);
  EXPECT_EQ(ParseRateLimit("50/s:7")->burst, 7);
  EXPECT_EQ(ParseRateLimit("0")->per_second, 0);
  for (const char* bad : {"", "x", "-1", "5/m", "5:0", "5:", "inf", "nan"}) {
    EXPECT_FALSE(ParseRateLimit(bad).ok()) << bad;
  }
}

TEST(RateKeyTest, AnIpv6NetworkOf64BitsIsOneClient) {
  EXPECT_EQ(RateKey("2001:db8:1:2:3::4"), RateKey("2001:db8:1:2::9"));
  EXPECT_NE(RateKey("2001:db8:1:2::9"), RateKey("2001:db8:1:3::9"));
  EXPECT_NE(RateKey("192.0.2.1"), RateKey("192.0.2.2"));
}

}  // namespace
}  // namespace gitops
