#include "common/config/duration.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

// SimpleAtod also accepts "inf", "nan" and exponents, which are not meant as seconds.
bool IsPlainNumber(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == absl::string_view::npos;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text) {
  absl::Duration duration;
  double seconds = 0;
  bool read = false;
  if (IsPlainNumber(text)) {
    read = absl::SimpleAtod(text, &seconds);
    duration = absl::Seconds(seconds);
  } else {
    read = absl::ParseDuration(text, &duration);
  }
  if (!read || duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text,
        "\" is not a duration: write it as 90s, 1m30s, 200ms, 2h or a number of seconds"));
  }
  return duration;
}

std::string FormatDurationText(absl::Duration duration) {
  if (duration == absl::ZeroDuration()) return "0s";
  std::string best = absl::FormatDuration(duration);
  constexpr std::pair<absl::string_view, absl::Duration (*)(int64_t)> kUnits[] = {
      {"h", absl::Hours<int64_t>},
      {"m", absl::Minutes<int64_t>},
      {"s", absl::Seconds<int64_t>},
      {"ms", absl::Milliseconds<int64_t>},
  };
  for (const auto& [name, unit] : kUnits) {
    absl::Duration rest;
    const int64_t count = absl::IDivDuration(duration, unit(1), &rest);
    if (rest != absl::ZeroDuration()) continue;
    std::string text = absl::StrCat(count, name);
    if (text.size() < best.size()) best = std::move(text);
  }
  return best;
}

}  // namespace gitops
