#include "common/text/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

TEST(Glob, MatchesAsAShellDoes) {
  struct Case {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const Case cases[] = {
      {"web1", "web1", true},
      {"web1", "web10", false},
      {"web1", "WEB1", false},
      {"*", "web1.example", true},
      {"*", "", true},
      {"web*.example", "web.example", true},
      {"web*.example", "web1.rack-2.example", true},
      {"web*.example", "web1.examples", false},
      {"ab*ba", "abba", true},
      {"ab*ba", "aba", false},
      {"web*", "web", true},
      {"web*", "db1", false},
      {"*.example", "web1.example", true},
      {"w*b*1", "webby-1", true},
      {"w*b*1", "webby-2", false},
      {"web?", "web1", true},
      {"web?", "web", false},
      {"web?", "web12", false},
      {"web[12]", "web2", true},
      {"web[12]", "web3", false},
      {"web[0-9]", "web7", true},
      {"web[!0-9]", "web7", false},
      {"web[^0-9]", "webx", true},
      {"web[]x]", "web]", true},
      {"web[a-]", "web-", true},
      {"web[\\]]", "web]", true},
      {"{web,db}1", "db1", true},
      {"{web,db}1", "lb1", false},
      {"{web{1,2},db}", "web2", true},
      {"{web{1,2},db}", "web", false},
      {"{a,b}{1,2}", "b1", true},
      {"web{,-canary}", "web", true},
      {"web{,-canary}", "web-canary", true},
      {"{web[1,2],db}", "web,", true},
      {"web{1..3}*", "web2.example", true},
      {"web{1..3}", "web4", false},
      {"web{a..c}", "webb", true},
      {"\\*", "*", true},
      {"\\*", "web", false},
      {"\\{a\\}", "{a}", true},
      {"a\\,b", "a,b", true},
      {"w*b", "wbxb", true},
      {"w*b", "wbx", false},
      {"a*b", "a", false},
      {"*b*", "abc", true},
      {"*b*", "acd", false},
      {"w**1", "web1", true},
      {"a*\\*", "ab*", true},
      {"*a?", "aba1", true},
      {"*[12]x", "1y2x", true},
      {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false},
  };
  for (const Case& c : cases) {
    const auto glob = Glob::Parse(c.pattern);
    ASSERT_TRUE(glob.ok()) << c.pattern << ": " << glob.status();
    EXPECT_EQ(glob->Matches(c.name), c.matches) << c.pattern << " on " << c.name;
  }
}

TEST(Glob, ABadOneSaysWhatIsWrongWithIt) {
  struct Case {
    const char* pattern;
    const char* says;
  };
  const Case cases[] = {
      {"", "is empty"},        {"web[12", "'[' at 4"}, {"web[", "'[' at 4"},
      {"{web,db", "'{' that"}, {"web}", "'}' at 4"},   {"web\\", "backslash"},
      {"[\\", "never closed"},
  };
  for (const Case& c : cases) {
    const auto glob = Glob::Parse(c.pattern);
    ASSERT_EQ(glob.status().code(), absl::StatusCode::kInvalidArgument) << c.pattern;
    EXPECT_THAT(std::string(glob.status().message()), testing::HasSubstr(c.says)) << c.pattern;
  }
}

TEST(Glob, ANulByteIsRefusedAndDoesNotEndThePattern) {
  const auto glob = Glob::Parse(absl::string_view("web?\0x", 6));
  ASSERT_TRUE(absl::IsInvalidArgument(glob.status())) << glob.status();
  EXPECT_THAT(std::string(glob.status().message()), testing::HasSubstr("NUL"));
}

TEST(Glob, AlternativesComeInTheOrderInWhichTheyAreWritten) {
  const auto glob = Glob::Parse("{a,b{c,d}}{1,2}");
  ASSERT_TRUE(glob.ok()) << glob.status();
  EXPECT_EQ(glob->alternative_count(), 6);
  for (const char* name : {"a1", "a2", "bc1", "bc2", "bd1", "bd2"}) {
    EXPECT_TRUE(glob->Matches(name)) << name;
  }
  EXPECT_FALSE(glob->Matches("b1"));
  // A comma outside of braces is a letter.
  EXPECT_TRUE(Glob::Parse("a,b")->Matches("a,b"));
}

std::string Times(int times, const std::string& text) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Glob, BracesThatNestTooDeepAreRefused) {
  EXPECT_TRUE(Glob::Parse(Times(16, "{") + "a" + Times(16, "}")).ok());
  for (const int depth : {17, 500}) {
    const auto deep = Glob::Parse(Times(depth, "{") + "a" + Times(depth, "}"));
    ASSERT_EQ(deep.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(deep.status().message()),
        testing::AllOf(testing::HasSubstr("deeper than 16"), testing::SizeIs(testing::Lt(300))));
  }
}

TEST(Glob, ALongOneIsRefusedAndShownInPart) {
  EXPECT_TRUE(Glob::Parse(Times(1024, "a")).ok());
  for (const std::string& pattern :
       {Times(1025, "a"), Times(20'000, "{") + "a" + Times(20'000, "}"),
        "{" + Times(4095, "a,") + "}"}) {
    const auto glob = Glob::Parse(pattern);
    ASSERT_EQ(glob.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(glob.status().message()),
                testing::AllOf(testing::HasSubstr(" bytes; at most 1024"),
                               testing::SizeIs(testing::Lt(300))));
  }
}

TEST(Glob, BracesThatMultiplyWithoutEndAreRefused) {
  EXPECT_TRUE(Glob::Parse(Times(9, "{a,b}")).ok());
  // Of 500 alternatives.
  const std::string list = "{" + Times(499, ",") + "}";
  EXPECT_TRUE(Glob::Parse(list + "{a,b}").ok());
  for (const std::string& pattern : {Times(10, "{a,b}"), Times(40, "{a,b}"), Times(170, "{a,b}"),
                                     list + "{a,b,c}", "{" + list + "{a,b},c}"}) {
    const auto glob = Glob::Parse(pattern);
    ASSERT_EQ(glob.status().code(), absl::StatusCode::kInvalidArgument) << pattern;
    EXPECT_THAT(std::string(glob.status().message()), testing::HasSubstr("alternatives"));
  }
}

}  // namespace
}  // namespace gitops
