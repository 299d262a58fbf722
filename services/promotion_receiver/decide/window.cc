#include "services/promotion_receiver/decide/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace gitops {
namespace {

struct Period {
  absl::Time begin, end;
};

bool IsOn(const Window& window, absl::CivilDay day) {
  // Weekday counts from Monday, `days` from Sunday.
  const int number = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;
  return window.days.empty() ||
         std::find(window.days.begin(), window.days.end(), number) != window.days.end();
}

absl::TimeZone::TimeInfo At(const Window& window, absl::CivilDay day, absl::Duration time) {
  return window.zone.At(absl::CivilSecond(day) + absl::ToInt64Seconds(time));
}

Period PeriodOf(const Window& window, absl::CivilDay day) {
  constexpr auto kSkipped = absl::TimeZone::TimeInfo::SKIPPED;
  const bool past_midnight = window.to <= window.from;
  const auto from = At(window, day, window.from);
  const auto to = At(window, past_midnight ? day + 1 : day, window.to);
  return {.begin = from.kind == kSkipped ? from.trans : from.pre,
          .end = to.kind == kSkipped ? to.trans : to.post};
}

}  // namespace

bool IsOpen(const std::vector<Window>& windows, absl::Time now) {
  if (windows.empty()) return true;
  return std::any_of(windows.begin(), windows.end(), [&](const Window& window) {
    const absl::CivilDay today = absl::ToCivilDay(now, window.zone);
    // The one of yesterday may end today.
    for (const absl::CivilDay day : {today - 1, today}) {
      const Period period = PeriodOf(window, day);
      if (IsOn(window, day) && period.begin <= now && now < period.end) return true;
    }
    return false;
  });
}

Opening NextOpening(const std::vector<Window>& windows, absl::Time now) {
  constexpr int kDays = 8;  // a week, and today again
  Opening next;
  for (const Window& window : windows) {
    const absl::CivilDay today = absl::ToCivilDay(now, window.zone);
    for (int i = 0; i < kDays; ++i) {
      if (!IsOn(window, today + i)) continue;
      const absl::Time begin = PeriodOf(window, today + i).begin;
      if (begin > now && begin < next.time) next = {begin, window.zone, window.zone_name};
    }
  }
  return next;
}

std::string FormatOpening(const Opening& opening) {
  return absl::StrCat(absl::FormatTime("%a %Y-%m-%d %H:%M ", opening.time, opening.zone),
                      opening.zone_name);
}

}  // namespace gitops
