#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "services/planner/select/selection.h"

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

TEST(Glob, BracesThatMultiplyWithoutEndAreRefused) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "{a,b}";
  EXPECT_EQ(Glob::Parse(pattern).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace gitops
