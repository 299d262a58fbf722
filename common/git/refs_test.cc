#include "common/git/refs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/text/utf8.h"

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

TEST(CheckBranchTest, OnlyWhatGitTakesForABranch) {
  for (const char* name :
       {"main", "canary", "feature/x-1", "v1.2", "a@b", "release_2", "feature#7"}) {
    EXPECT_TRUE(CheckBranch(name).ok()) << name << ": " << CheckBranch(name);
  }
  const std::pair<const char*, const char*> refused[] = {{"", "is empty"},
                                                         {"-x", "starts with '-'"},
                                                         {" main", "a space"},
                                                         {"a..b", "contains \"..\""},
                                                         {"a~1", "one of ~^:?*[\\"},
                                                         {"a^", "one of"},
                                                         {"a:b", "one of"},
                                                         {"a?", "one of"},
                                                         {"a*", "one of"},
                                                         {"a[b", "one of"},
                                                         {"a\\b", "one of"},
                                                         {"a\nb", "a control character"},
                                                         {"a//b", "empty component"},
                                                         {"/a", "empty component"},
                                                         {"a/", "empty component"},
                                                         {"a/.b", "starts with '.'"},
                                                         {"a.lock", "ends with \".lock\""},
                                                         {"a.", "ends with '.'"},
                                                         {"a@{1}", "contains \"@{\""},
                                                         {"@", "it is reserved by git"},
                                                         {"HEAD", "it is reserved by git"},
                                                         {"a\x7f", "a control character"}};
  for (const auto& [name, why] : refused) {
    EXPECT_EQ(CheckBranch(name).code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(CheckBranch(name).message()), testing::HasSubstr(why)) << name;
  }
}

TEST(CheckBranchTest, ALongNameIsCutBetweenCharacters) {
  const absl::Status refused = CheckBranch(std::string(199, 'a') + "\u00e4 b");
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_TRUE(IsValidUtf8(refused.message())) << refused;
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
