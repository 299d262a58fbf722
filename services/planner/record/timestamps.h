#ifndef GITOPS_SERVICES_PLANNER_RECORD_TIMESTAMPS_H_
#define GITOPS_SERVICES_PLANNER_RECORD_TIMESTAMPS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace gitops {

inline google::protobuf::Timestamp StoredTime(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(timestamp.seconds()))));
  return timestamp;
}

inline absl::Time ReadTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RECORD_TIMESTAMPS_H_
