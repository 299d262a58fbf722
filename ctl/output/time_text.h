#ifndef GITOPS_CTL_OUTPUT_TIME_TEXT_H_
#define GITOPS_CTL_OUTPUT_TIME_TEXT_H_

#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/time/time.h"

namespace gitops::ctl {

// RFC 1123 in UTC, as gitopperctl prints it; empty if `is_set` is false.
std::string TimeText(bool is_set, const google::protobuf::Timestamp& time);
// Rounded to about three significant digits: "12ms", "1.53s", "2m5s".
std::string DurationText(absl::Duration duration);
// In its largest whole unit, of which there are at least two: "90s", "3m", "26h", "2d", "3y".
// Negative ages, of clocks that differ, are "0s".
std::string AgeText(absl::Duration age);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_TIME_TEXT_H_
