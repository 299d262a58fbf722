#ifndef GITOPS_COMMON_CLOCK_TIMESTAMP_H_
#define GITOPS_COMMON_CLOCK_TIMESTAMP_H_

#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"

namespace gitops {

// A time as protobuf has it and back, to the nanosecond.

// What lies outside of the years 1 to 9999, which a Timestamp cannot be, becomes their first or
// last moment.
google::protobuf::Timestamp ToTimestamp(absl::Time time);
// Any Timestamp, also one that a peer made up.
absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp);

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_TIMESTAMP_H_
