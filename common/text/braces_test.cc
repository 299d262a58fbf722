#include "common/text/braces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Expanded(absl::string_view pattern) {
  const auto names = ExpandBraces(pattern, 1000);
  if (!names.ok()) ADD_FAILURE() << pattern << ": " << names.status();
  return names.ok() ? *names : std::vector<std::string>();
}

TEST(Braces, TextWithoutThemStandsForItself) {
  EXPECT_THAT(Expanded("web1"), ElementsAre("web1"));
  EXPECT_THAT(Expanded(""), ElementsAre(""));
  EXPECT_THAT(Expanded("a,b"), ElementsAre("a,b"));
}

TEST(Braces, ListsMultiplyInTheOrderInWhichTheyAreWritten) {
  EXPECT_THAT(Expanded("web{a,b}"), ElementsAre("weba", "webb"));
  EXPECT_THAT(Expanded("{a,b{c,d}}{1,2}"), ElementsAre("a1", "a2", "bc1", "bc2", "bd1", "bd2"));
  EXPECT_THAT(Expanded("web{,-canary}"), ElementsAre("web", "web-canary"));
}

TEST(Braces, RangesCountAndKeepLeadingZeros) {
  EXPECT_THAT(Expanded("web{1..3}"), ElementsAre("web1", "web2", "web3"));
  EXPECT_THAT(Expanded("{08..11}"), ElementsAre("08", "09", "10", "11"));
  EXPECT_THAT(Expanded("{8..010}"), ElementsAre("008", "009", "010"));
  EXPECT_THAT(Expanded("{3..1}"), ElementsAre("3", "2", "1"));
  EXPECT_THAT(Expanded("{0..0}"), ElementsAre("0"));
  EXPECT_THAT(Expanded("rack-{a..c}"), ElementsAre("rack-a", "rack-b", "rack-c"));
  EXPECT_THAT(Expanded("r{1..2}-{a,b}"), ElementsAre("r1-a", "r1-b", "r2-a", "r2-b"));
  EXPECT_THAT(Expanded("{{1..2},x}"), ElementsAre("1", "2", "x"));
}

TEST(Braces, WhatIsNoRangeIsText) {
  EXPECT_THAT(Expanded("{a..C}"), ElementsAre("a..C"));
  EXPECT_THAT(Expanded("{a..1}"), ElementsAre("a..1"));
  EXPECT_THAT(Expanded("{1..}"), ElementsAre("1.."));
  EXPECT_THAT(Expanded("{1..2..3}"), ElementsAre("1..2..3"));
  EXPECT_THAT(Expanded("{1..2,x}"), ElementsAre("1..2", "x"));
  EXPECT_THAT(Expanded("\\{1..2\\}"), ElementsAre("\\{1..2\\}"));
}

TEST(Braces, TooManyNamesAreRefusedBeforeTheyAreMade) {
  EXPECT_EQ(ExpandBraces("{1..10}", 10)->size(), 10);
  for (const char* pattern : {"{1..11}", "{1..999999999999999999}", "{1..4}{1..4}", "{1..10}{a,b}",
                              "{1,2,3,4,5,6,7,8,9,10,11}"}) {
    const auto names = ExpandBraces(pattern, 10);
    EXPECT_TRUE(absl::IsResourceExhausted(names.status())) << pattern;
    EXPECT_EQ(names.status().message(), "makes more than 10 names") << pattern;
  }
}

TEST(Braces, AnOpenOneIsAnError) {
  EXPECT_THAT(ExpandBraces("web{1..3", 10).status().message(), HasSubstr("'{' that is never"));
  EXPECT_THAT(ExpandBraces("web1}", 10).status().message(), HasSubstr("'}' at 5 that was never"));
}

}  // namespace
}  // namespace gitops
