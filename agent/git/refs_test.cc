#include "agent/git/refs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gitops {
namespace {

const std::string kA(40, 'a');
const std::string kB(40, 'b');

TEST(IsObjectIdTest, OnlyFullLowerCaseNames) {
  EXPECT_TRUE(IsObjectId(kA));
  EXPECT_TRUE(IsObjectId(std::string(64, '0')));
  for (const std::string& text : {std::string(), std::string(39, 'a'), std::string(41, 'a'),
                                  std::string(40, 'A'), std::string(40, 'g')}) {
    EXPECT_FALSE(IsObjectId(text)) << text;
  }
}

TEST(IsBranchNameTest, WhatCouldBeAPatternOrLeadElsewhereIsNone) {
  for (const char* name : {"main", "release/1.2", "a-b_c", "feature#7"}) {
    EXPECT_TRUE(IsBranchName(name)) << name;
  }
  for (const char* name : {"", "/main", "main/", "a//b", "a..b", "a@{1}", "a b", "a*", "a?", "a[b",
                           "a\\b", "a~1", "a^", "a:b", "a\nb", "a\x7f"}) {
    EXPECT_FALSE(IsBranchName(name)) << name;
  }
}

TEST(ParseRefsTest, EachBranchHasItsCommitOrIsNotFoundByName) {
  const auto newest = ParseRefs("git.example/ops",
                                kA + "\trefs/heads/main\n" + kB + "\trefs/heads/team/main\n" +
                                    "short\trefs/heads/live\n" + kB + "\trefs/tags/main\n",
                                {"main", "live"});
  ASSERT_EQ(newest.size(), 2u);
  ASSERT_TRUE(newest.at("main").ok());
  EXPECT_EQ(*newest.at("main"), kA) << "not that of team/main, nor of the tag";
  EXPECT_EQ(newest.at("live").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(newest.at("live").status().message()),
              testing::HasSubstr("git.example/ops has no branch \"live\""));
}

}  // namespace
}  // namespace gitops
