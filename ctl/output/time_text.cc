#include "ctl/output/time_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace gitops::ctl {

std::string TimeText(bool is_set, const google::protobuf::Timestamp& time) {
  if (!is_set) return "";
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S UTC", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string DurationText(absl::Duration duration) {
  const absl::Duration unit = duration >= absl::Minutes(1)        ? absl::Seconds(1)
                              : duration >= absl::Seconds(1)      ? absl::Milliseconds(10)
                              : duration >= absl::Milliseconds(1) ? absl::Milliseconds(1)
                                                                  : absl::Microseconds(1);
  return absl::FormatDuration(absl::Trunc(duration, unit));
}

std::string AgeText(absl::Duration age) {
  static constexpr struct {
    int64_t seconds;
    const char* unit;
  } kUnits[] = {{365 * 86400, "y"}, {86400, "d"}, {3600, "h"}, {60, "m"}};
  const int64_t seconds = std::max<int64_t>(absl::ToInt64Seconds(age), 0);
  for (const auto& unit : kUnits) {
    if (seconds >= 2 * unit.seconds) return absl::StrCat(seconds / unit.seconds, unit.unit);
  }
  return absl::StrCat(seconds, "s");
}

}  // namespace gitops::ctl
