#include "examples/hooks/freeze_window.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops::examples {
namespace {

constexpr int kMinutesADay = 24 * 60;
constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// "Fri 16:00" in minutes since Monday 00:00.
absl::StatusOr<int> ParseMoment(absl::string_view text) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  for (int day = 0; words.size() == 2 && day < 7; ++day) {
    if (!absl::EqualsIgnoreCase(words[0], kDays[day])) continue;
    const std::vector<absl::string_view> clock = absl::StrSplit(words[1], ':');
    int hour = -1, minute = -1;
    const bool read = clock.size() == 2 && absl::SimpleAtoi(clock[0], &hour) &&
                      absl::SimpleAtoi(clock[1], &minute);
    if (read && hour >= 0 && hour < 24 && minute >= 0 && minute < 60) {
      return day * kMinutesADay + hour * 60 + minute;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no moment of a week; write it as \"Fri 16:00\""));
}

}  // namespace

bool FreezeWindow::Holds(absl::Time time) const {
  const absl::TimeZone::CivilInfo civil = absl::UTCTimeZone().At(time);
  const int day = static_cast<int>(absl::GetWeekday(civil.cs));
  const int moment = day * kMinutesADay + civil.cs.hour() * 60 + civil.cs.minute();
  if (begin <= end) return begin <= moment && moment < end;
  return moment >= begin || moment < end;
}

absl::StatusOr<FreezeWindow> ParseFreezeWindow(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  const absl::StatusOr<int> begin = ParseMoment(ends.first);
  if (!begin.ok()) return begin.status();
  const absl::StatusOr<int> end = ParseMoment(ends.second);
  if (!end.ok()) return end.status();
  return FreezeWindow{*begin, *end, std::string(text)};
}

Hook FreezeWindowHook(std::vector<FreezeWindow> windows, std::function<absl::Time()> now) {
  return [windows = std::move(windows), now = std::move(now)](
             const HookRequest& request) -> absl::StatusOr<std::vector<HostActions>> {
    for (const FreezeWindow& window : windows) {
      if (!window.Holds(now())) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("nothing is deployed in the freeze window ", window.text, " UTC"));
    }
    return request.hosts;
  };
}

}  // namespace gitops::examples
