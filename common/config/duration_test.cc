#include "common/config/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

TEST(DurationText, IsReadInEveryForm) {
  struct Case {
    const char* text;
    absl::Duration expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"90s", absl::Seconds(90)},
           {"1m30s", absl::Seconds(90)},
           {"200ms", absl::Milliseconds(200)},
           {"2h", absl::Hours(2)},
           {"1.5", absl::Milliseconds(1500)},
           {"1.5h", absl::Minutes(90)},
           {"5", absl::Seconds(5)},
           {"0", absl::ZeroDuration()},
           {"0s", absl::ZeroDuration()},
       }) {
    auto duration = ParseDurationText(c.text);
    ASSERT_TRUE(duration.ok()) << c.text << ": " << duration.status();
    EXPECT_EQ(*duration, c.expected) << c.text;
  }
}

TEST(DurationText, ThatMeansNothingIsRefusedWithWhatWasRead) {
  for (const char* text :
       {"", "s", "5 minutes", "1d", "-5s", "inf", "-inf", "nan", "1e3", "0x10", "1.2.3", "5s5",
        " 5s", "99999999999999999999h", "9999999999999999999999"}) {
    auto duration = ParseDurationText(text);
    ASSERT_FALSE(duration.ok()) << text << " read as " << *duration;
    EXPECT_EQ(duration.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(duration.status().message(), testing::HasSubstr(std::string("\"") + text + "\""));
  }
}

TEST(DurationText, IsWrittenAsShortAsItCanBeReadBack) {
  struct Case {
    absl::Duration duration;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {absl::ZeroDuration(), "0s"},
           {absl::Seconds(90), "90s"},
           {absl::Minutes(5), "5m"},
           {absl::Hours(2), "2h"},
           {absl::Minutes(90), "90m"},
           {absl::Milliseconds(200), "200ms"},
           {absl::Milliseconds(1500), "1.5s"},
           {absl::Seconds(3661), "3661s"},
           {absl::Hours(1) + absl::Milliseconds(1), "1h0.001s"},
           {absl::Nanoseconds(7), "7ns"},
       }) {
    EXPECT_EQ(FormatDurationText(c.duration), c.expected);
    auto again = ParseDurationText(FormatDurationText(c.duration));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, c.duration) << c.expected;
  }
}

}  // namespace
}  // namespace gitops
