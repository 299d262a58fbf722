#include "services/promotion_receiver/decide/window.h"

#include <gtest/gtest.h>

namespace gitops {
namespace {

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

// Of the given zone.
struct TestWindow : Window {
  TestWindow(std::vector<int> days, double from, double to, const std::string& name)
      : Window{std::move(days), absl::Hours(from), absl::Hours(to), Zone(name), name} {}
};

absl::Time Utc(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << text << error;
  return time;
}

struct Case {
  const char* reason;
  Window window;
  const char* now;  // UTC
  bool open;
  const char* next;  // UTC
};

TEST(WindowTest, EveryCaseIsOpenAndOpensNextAsExpected) {
  const Window office = TestWindow({1, 2, 3, 4, 5}, 9, 17, "Europe/Amsterdam");  // Mon–Fri
  const Window night = TestWindow({5}, 22, 4, "UTC");                            // Fri
  const Window all_day = TestWindow({6}, 0, 24, "UTC");                          // Sat
  const Window around = TestWindow({6}, 12, 12, "UTC");                          // Sat
  const Window skipped = TestWindow({}, 2.5, 5, "Europe/Amsterdam");
  const Window twice = TestWindow({}, 2.25, 2.75, "Europe/Amsterdam");
  const Window none_left = TestWindow({0}, 2.25, 2.75, "Europe/Amsterdam");
  const Case cases[] = {
      {"before it opens", office, "2026-01-07 07:59", false, "2026-01-07 08:00"},
      {"from its first moment", office, "2026-01-07 08:00", true, "2026-01-08 08:00"},
      {"until its last", office, "2026-01-07 15:59", true, "2026-01-08 08:00"},
      {"its end is outside", office, "2026-01-07 16:00", false, "2026-01-08 08:00"},
      {"Friday evening waits for Monday", office, "2026-01-09 20:00", false, "2026-01-12 08:00"},
      {"summer time moves it in UTC", office, "2026-07-01 07:00", true, "2026-07-02 07:00"},

      {"past midnight belongs to its first day", night, "2026-01-10 03:59", true,
       "2026-01-16 22:00"},
      {"and ends there", night, "2026-01-10 04:00", false, "2026-01-16 22:00"},
      {"early Friday belongs to Thursday", night, "2026-01-09 03:00", false, "2026-01-09 22:00"},
      {"24:00 is the end of the day", all_day, "2026-01-10 23:59", true, "2026-01-17 00:00"},
      {"Sunday is outside", all_day, "2026-01-11 00:00", false, "2026-01-17 00:00"},
      {"the same time twice is a whole day", around, "2026-01-11 11:59", true, "2026-01-17 12:00"},

      // On 2026-03-29 clocks go from 02:00 to 03:00, at 01:00 UTC.
      {"a time that is skipped is the moment of the change", skipped, "2026-03-29 00:59", false,
       "2026-03-29 01:00"},
      {"from the change on it is open", skipped, "2026-03-29 01:00", true, "2026-03-30 00:30"},
      {"a window that is skipped as a whole does not open", none_left, "2026-03-29 01:00", false,
       "2026-04-05 00:15"},
      // On 2026-10-25 clocks go from 03:00 to 02:00, at 01:00 UTC.
      {"a time that comes twice opens the first time", twice, "2026-10-25 00:15", true,
       "2026-10-26 01:15"},
      {"and closes the second time", twice, "2026-10-25 01:44", true, "2026-10-26 01:15"},
      {"then it is closed", twice, "2026-10-25 01:45", false, "2026-10-26 01:15"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(IsOpen({c.window}, Utc(c.now)), c.open) << c.reason;
    EXPECT_EQ(NextOpening({c.window}, Utc(c.now)).time, Utc(c.next)) << c.reason;
  }
}

TEST(WindowTest, NoWindowIsAlwaysOpen) {
  EXPECT_TRUE(IsOpen({}, Utc("2026-01-07 03:00")));
  EXPECT_EQ(NextOpening({}, Utc("2026-01-07 03:00")).time, absl::InfiniteFuture());
}

TEST(WindowTest, EarliestOfSeveralIsNext) {
  const std::vector<Window> windows = {TestWindow({}, 20, 21, "UTC"),
                                       TestWindow({}, 9, 17, "Asia/Tokyo")};
  const Opening next = NextOpening(windows, Utc("2026-01-07 23:00"));
  EXPECT_EQ(FormatOpening(next), "Thu 2026-01-08 09:00 Asia/Tokyo");
}

}  // namespace
}  // namespace gitops
