#ifndef GITOPS_CTL_OUTPUT_SERVICE_TEXT_H_
#define GITOPS_CTL_OUTPUT_SERVICE_TEXT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ctl/output/table.h"
#include "gitops/v1/types.pb.h"

namespace gitops::ctl {

// The parts of a service as text for people, escaped.

// "OK", "FREEZE"…; in color if requested.
std::string StateText(v1::ServiceState state, bool color = false);
// RFC 1123 in UTC, as gitopperctl prints it; empty if `is_set` is false.
std::string TimeText(bool is_set, const google::protobuf::Timestamp& time);
// Rounded to about three significant digits: "12ms", "1.53s", "2m5s".
std::string DurationText(absl::Duration duration);
// The first 8 digits; "nothing" if there is no hash.
std::string ShortHash(absl::string_view hash);

// The columns of `list services`: gitopperctl's #, SERVICE, HASH, STATE, INFO, CHANGED, then in the
// wide form TARGET, BRANCH, UPSTREAM, BY.
Row ServiceHeader(bool wide);
inline constexpr size_t kServiceStateColumn = 3;
Row ServiceRow(size_t number, const v1::Service& service, bool wide, bool color);

// All details of one service, in several lines.
std::string ServiceDetails(const v1::Service& service, bool color);

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_OUTPUT_SERVICE_TEXT_H_
