#include "common/clock/timestamp.h"

#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace gitops {
namespace {

using google::protobuf::util::TimeUtil;

TEST(TimestampTest, ComesBackToTheNanosecond) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::FromUnixNanos(1767225600123456789), absl::FromUnixNanos(-1),
        absl::FromUnixNanos(-999'999'999), absl::FromUnixSeconds(9'999'999'999)}) {
    EXPECT_EQ(FromTimestamp(ToTimestamp(time)), time) << time;
  }
  EXPECT_EQ(TimeUtil::ToString(ToTimestamp(absl::FromUnixNanos(-1))),
            "1969-12-31T23:59:59.999999999Z");
}

TEST(TimestampTest, WhatNoneCanBeIsTheFirstOrLastThatCan) {
  const std::string first = "0001-01-01T00:00:00Z", last = "9999-12-31T23:59:59.999999999Z";
  EXPECT_EQ(TimeUtil::ToString(ToTimestamp(absl::InfinitePast())), first);
  EXPECT_EQ(TimeUtil::ToString(ToTimestamp(absl::FromUnixSeconds(-100'000'000'000))), first);
  EXPECT_EQ(TimeUtil::ToString(ToTimestamp(absl::FromUnixSeconds(300'000'000'000))), last);
  EXPECT_EQ(TimeUtil::ToString(ToTimestamp(absl::InfiniteFuture())), last);
}

TEST(TimestampTest, OneThatAPeerMadeUpIsATimeToo) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(std::numeric_limits<int64_t>::max());
  timestamp.set_nanos(std::numeric_limits<int32_t>::max());
  EXPECT_GT(FromTimestamp(timestamp), absl::FromUnixSeconds(0));
  timestamp.set_seconds(std::numeric_limits<int64_t>::min());
  timestamp.set_nanos(std::numeric_limits<int32_t>::min());
  EXPECT_LT(FromTimestamp(timestamp), absl::FromUnixSeconds(0));
}

TEST(DurationTest, ComesBackToTheNanosecond) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Nanoseconds(-1), absl::Milliseconds(1500),
        absl::Hours(10'000) + absl::Nanoseconds(7)}) {
    EXPECT_EQ(FromDuration(ToDuration(duration)), duration) << duration;
  }
  EXPECT_EQ(TimeUtil::ToString(ToDuration(absl::Milliseconds(-1500))), "-1.500s");
}

TEST(DurationTest, OneThatIsNotAboveZeroIsTheOther) {
  EXPECT_EQ(DurationOr(ToDuration(absl::Seconds(2)), absl::Seconds(9)), absl::Seconds(2));
  EXPECT_EQ(DurationOr({}, absl::Seconds(9)), absl::Seconds(9));
  EXPECT_EQ(DurationOr(ToDuration(absl::Seconds(-2)), absl::Seconds(9)), absl::Seconds(9));
}

}  // namespace
}  // namespace gitops
