#include "common/clock/timestamp.h"

#include <algorithm>
#include <cstdint>

namespace gitops {
namespace {

constexpr int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

}  // namespace

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const absl::Time most = absl::FromUnixSeconds(kLastSecond + 1) - absl::Nanoseconds(1);
  time = std::clamp(time, absl::FromUnixSeconds(kFirstSecond), most);
  const int64_t seconds = absl::ToUnixSeconds(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return timestamp;
}

absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration converted;
  absl::Duration rest;
  converted.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  converted.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return converted;
}

absl::Duration FromDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Duration DurationOr(const google::protobuf::Duration& duration, absl::Duration otherwise) {
  const absl::Duration given = FromDuration(duration);
  return given > absl::ZeroDuration() ? given : otherwise;
}

}  // namespace gitops
