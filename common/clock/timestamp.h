#ifndef GITOPS_COMMON_CLOCK_TIMESTAMP_H_
#define GITOPS_COMMON_CLOCK_TIMESTAMP_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"

namespace gitops {

// Converts between absl's times and protobuf's, to the nanosecond.

// A time outside the years 1 to 9999, the range of a Timestamp, becomes the first or last moment of
// the range.
google::protobuf::Timestamp ToTimestamp(absl::Time time);
// Accepts any Timestamp, also an invalid one from a peer.
absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp);

google::protobuf::Duration ToDuration(absl::Duration duration);
absl::Duration FromDuration(const google::protobuf::Duration& duration);
// The duration, or `otherwise` if it is not more than 0, as an unset one is.
absl::Duration DurationOr(const google::protobuf::Duration& duration, absl::Duration otherwise);

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_TIMESTAMP_H_
