#include "common/text/escape.h"

#include <set>
#include <string>

#include "common/text/utf8.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

TEST(EscapeTextTest, WhatIsNoTextIsShownByItsBytesAndTheRestKept) {
  const struct {
    std::string text;
    std::string expected;
    const char* why;
  } cases[] = {
      {"", "", "empty"},
      {"etc/nginx \"a\" 'b'", "etc/nginx \"a\" 'b'", "printable"},
      {"caf\xE9", "caf\\xe9", "latin-1"},
      {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
       "UTF-8"},
      {"a\\b", "a\\\\b", "a backslash"},
      {"caf\\xe9", "caf\\\\xe9", "a name that looks escaped"},
      {std::string("a\0b", 3), "a\\x00b", "NUL"},
      {"a\nb\tc\x1B[31m\x7F", "a\\x0ab\\x09c\\x1b[31m\\x7f", "control characters"},
      {"\xC2\x9B"
       "31m\xC2\xA0",
       "\\xc2\\x9b31m\xC2\xA0", "a control character of two bytes, and the space behind them"},
      {"\xE2\x82", "\\xe2\\x82", "cut short"},
      {"\xED\xA0\x80", "\\xed\\xa0\\x80", "a surrogate"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(EscapeText(c.text), c.expected) << c.why;
    EXPECT_TRUE(IsValidUtf8(EscapeText(c.text))) << c.why;
  }
}

TEST(EscapeTextTest, LinesAreKeptWhereTheyAreAskedFor) {
  EXPECT_EQ(EscapeText("a\n\tb\r\n", kLines), "a\n\tb\\x0d\n");
}

TEST(EscapeTextTest, TheNetChangesOnlyWhatIsNotUtf8) {
  EXPECT_EQ(EnsureUtf8("a\\xe9\nb"), "a\\xe9\nb");
  EXPECT_EQ(EnsureUtf8("a\xE9\nb"), "a\\xe9\nb");
}

TEST(EscapeTextTest, DifferentTextsStayDifferent) {
  std::set<std::string> escaped;
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      EXPECT_TRUE(escaped.insert(EscapeText(text)).second) << EscapeText(text);
    }
  }
}

}  // namespace
}  // namespace gitops
