#include "common/log/format.h"

#include <string>

#include "gtest/gtest.h"

namespace gitops {
namespace {

using namespace std::string_literals;

absl::Time At() {
  return absl::FromCivil(absl::CivilSecond(2026, 11, 22, 18, 58, 0), absl::UTCTimeZone()) +
         absl::Milliseconds(123);
}

TEST(FormatTest, TextIsTimeLevelMessageFields) {
  EXPECT_EQ(FormatTextLine(At(), LogLevel::kInfo, "service is current",
                           {{"service", "dns"}, {"info", "two words"}}),
            "2026-11-22T18:58:00.123Z INFO service is current service=dns info=\"two words\"");
}

TEST(FormatTest, JsonIsOneObjectInTheSameOrder) {
  EXPECT_EQ(FormatJsonLine(At(), LogLevel::kWarning, "fetch failed", {{"upstream", "a\"b"}}),
            R"({"time":"2026-11-22T18:58:00.123Z","level":"warning","message":"fetch failed",)"
            R"("upstream":"a\"b"})");
}

struct Case {
  std::string value;
  std::string text;
  std::string json;
};

TEST(FormatTest, HostileValuesStayOnTheirLineAndInert) {
  const Case cases[] = {
      {"", R"("")", R"("")"},
      {"plain/value-1.2", "plain/value-1.2", R"("plain/value-1.2")"},
      {"a=b", R"("a=b")", R"("a=b")"},
      {"say \"hi\" \\o", R"("say \"hi\" \\o")", R"("say \"hi\" \\o")"},
      {"x\n2026 ERROR forged", R"("x\n2026 ERROR forged")", R"("x\n2026 ERROR forged")"},
      {"\r\t", R"("\r\t")", R"("\r\t")"},
      {"\x1b[2J", R"("\x1b[2J")", R"("\u001b[2J")"},
      {"\x7f", R"("\x7f")", R"("\u007f")"},
      {"nul\0here"s, R"("nul\x00here")", R"("nul\u0000here")"},
      {"\xc2\x9b"
       "31m",
       R"("\xc2\x9b31m")", R"("\u009b31m")"},
      {"gr\xc3\xbc\xc3\x9f"
       "e",
       "gr\xc3\xbc\xc3\x9f"
       "e",
       "\"gr\xc3\xbc\xc3\x9f"
       "e\""},
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
      {"bad\xff", R"("bad\xff")", "\"bad\xef\xbf\xbd\""},
      {"cut\xe2\x82", R"("cut\xe2\x82")", "\"cut\xef\xbf\xbd\xef\xbf\xbd\""},
      {"overlong\xc0\xaf", R"("overlong\xc0\xaf")", "\"overlong\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xed\xa0\x80", R"("\xed\xa0\x80")", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xf4\x90\x80\x80", R"("\xf4\x90\x80\x80")",
       "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(FormatTextLine(At(), LogLevel::kError, "m", {{"k", c.value}}),
              "2026-11-22T18:58:00.123Z ERROR m k=" + c.text);
    EXPECT_EQ(
        FormatJsonLine(At(), LogLevel::kError, "m", {{"k", c.value}}),
        R"({"time":"2026-11-22T18:58:00.123Z","level":"error","message":"m","k":)" + c.json + "}");
  }
}

TEST(FormatTest, MessagesAreEscapedToo) {
  EXPECT_EQ(FormatTextLine(At(), LogLevel::kDebug, "two\nlines \x1b[0m", {}),
            "2026-11-22T18:58:00.123Z DEBUG two\\nlines \\x1b[0m");
  EXPECT_EQ(FormatJsonLine(At(), LogLevel::kDebug, "two\nlines", {}),
            R"({"time":"2026-11-22T18:58:00.123Z","level":"debug","message":"two\nlines"})");
}

}  // namespace
}  // namespace gitops
