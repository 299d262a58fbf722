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

}  // namespace
}  // namespace gitops
