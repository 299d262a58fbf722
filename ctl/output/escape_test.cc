#include "ctl/output/escape.h"

#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

TEST(EscapeTest, NoControlCharacterReachesTheTerminal) {
  const struct {
    std::string text;
    std::string escaped;
  } kCases[] = {
      {"plain", "plain"},
      {"äß→日本", "äß→日本"},
      {"\x1b[2J", "\\x1b[2J"},
      {"a\nb\tc\rd", "a\\nb\\tc\\x0dd"},
      {std::string("nul\0!", 5), "nul\\x00!"},
      {"\x7f", "\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\u{009b}31m"},  // CSI as one character
      {"\xe2\x80\xae"
       "txt.exe",
       "\\u{202e}txt.exe"},  // right-to-left override
      {"bad\xff", "bad\\xff"},
      {"\xc0\x9b", "\\xc0\\x9b"},           // overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},  // surrogate
      {"cut\xe2\x82", "cut\\xe2\\x82"},
  };
  for (const auto& c : kCases) EXPECT_EQ(EscapeLine(c.text), c.escaped);
}

TEST(EscapeTest, InvisibleCharactersAreShown) {
  for (const auto& [text, escaped] : {std::pair{"pass\u200bword", "pass\\u{200b}word"},
                                      {"\u200d", "\\u{200d}"},
                                      {"\u2060", "\\u{2060}"},
                                      {"\u00ad", "\\u{00ad}"},
                                      {"\ufeff", "\\u{feff}"},
                                      {"\U000e0041", "\\u{e0041}"}}) {
    EXPECT_EQ(EscapeLine(text), escaped);
  }
}

TEST(EscapeTest, DocumentKeepsItsLayoutAndItsLetters) {
  EXPECT_EQ(EscapeDocument("{\n \"größe\u202e\x7f\"}\n"), "{\n \"größe\\u202e\\u007f\"}\n");
}

TEST(EscapeTest, Utf8IsToldFromOtherBytes) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("größe \xf0\x9f\x98\x80"));
  EXPECT_FALSE(
      IsUtf8("gr\xf6\xdf"
             "e"));
}

TEST(EscapeTest, WidthCountsCharactersAndNoColors) {
  EXPECT_EQ(DisplayWidth("größe"), 5u);
  EXPECT_EQ(DisplayWidth("\x1b[31mBROKEN\x1b[0m"), 6u);
}

TEST(EscapeTest, WideCharactersTakeTwoColumnsAndCombiningOnesNone) {
  EXPECT_EQ(DisplayWidth("世界"), 4u);
  EXPECT_EQ(DisplayWidth("\xf0\x9f\x98\x80!"), 3u);
  EXPECT_EQ(DisplayWidth("✅⭐⚡🪵"), 8u) << "as in subjects of commits";
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u);
  EXPECT_EQ(CutToWidth("a世界", 2), "a") << "half a character is none";
  EXPECT_EQ(CutToWidth("a世界", 3), "a世");
  EXPECT_EQ(CutToWidth("e\u0301x", 1), "e\u0301");
}

TEST(EscapeTest, CutKeepsWholeCharactersAndEndsColors) {
  EXPECT_EQ(CutToWidth("größe", 3), "grö");
  EXPECT_EQ(CutToWidth("\x1b[31mBROKEN\x1b[0m", 2), "\x1b[31mBR\x1b[0m");
}

}  // namespace
}  // namespace gitops::ctl
