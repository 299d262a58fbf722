#include "common/text/utf8.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace gitops {
namespace {

TEST(Utf8Test, WhatIsNotUtf8IsReplacedByteByByteAndTheRestKept) {
  struct Case {
    std::string text;
    std::string expected;
    std::string why;
  };
  const std::string r = "\xEF\xBF\xBD";
  const std::vector<Case> cases = {
      {"", "", "empty"},
      {std::string("a\0b", 3), std::string("a\0b", 3), "NUL is a character"},
      {"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
       "valid"},
      {"a\xFF"
       "b",
       "a" + r + "b", "never a first byte"},
      {"sixteen ascii \xC3\xA9 and more", "sixteen ascii \xC3\xA9 and more", "valid and long"},
      {"eleven char\xFF and more after", "eleven char" + r + " and more after",
       "in the midst of a word of memory"},
      {"\x80", r, "a continuation alone"},
      {"\xC3", r, "cut short"},
      {"\xE2\x82", r + r, "cut short after two"},
      {"\xF0\x9F\x98", r + r + r, "cut short after three"},
      {"\xC0\xAF", r + r, "overlong"},
      {"\xE0\x9F\xBF", r + r + r, "overlong in three"},
      {"\xED\xA0\x80", r + r + r, "a surrogate"},
      {"\xF4\x90\x80\x80", r + r + r + r, "beyond U+10FFFF"},
      {"\xC3"
       "a",
       r + "a", "the byte after is kept"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ValidUtf8(c.text, 100), c.expected) << c.why;
    EXPECT_EQ(IsValidUtf8(c.text), c.text == c.expected) << c.why;
    EXPECT_TRUE(IsValidUtf8(ValidUtf8(c.text, 100))) << c.why;
  }
}

TEST(Utf8Test, ItIsCutBetweenTwoCharacters) {
  const std::string text =
      "a\xE2\x82\xAC"
      "b";
  const std::vector<std::string> expected = {"", "a", "a", "a", "a\xE2\x82\xAC", text, text};
  for (size_t limit = 0; limit < expected.size(); ++limit) {
    EXPECT_EQ(ValidUtf8(text, limit), expected[limit]) << limit;
  }
  EXPECT_EQ(ValidUtf8("long ascii of several words", 20), "long ascii of severa");
  EXPECT_EQ(ValidUtf8("\xFF\xFF", 5), "\xEF\xBF\xBD") << "what stands for a byte counts in full";
}

}  // namespace
}  // namespace gitops
