#include "common/process/text_diff.h"

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "common/path/temporary_directory.h"
#include "common/process/fake_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

class TextDiffTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<TextDiff>> Diff(const std::vector<TextPair>& pairs,
                                             size_t most = 1000) {
    return DiffTexts(*runner_, scratch_ / "diffs", pairs, most);
  }

  TemporaryDirectory scratch_;
  std::unique_ptr<ProcessRunner> runner_ = NewProcessRunner();
};

TEST_F(TextDiffTest, HasHunksAndLinesOfEachPairInOrder) {
  const auto diffs = Diff({{"a\nb\nc\n", "a\nB\nc\nd\n"},
                           {"same\n", "same\n"},
                           {"", "new\n"},
                           {"--- a\n+++ b\n@@ x\ndiff a b\n", "no newline"}});
  ASSERT_TRUE(diffs.ok()) << diffs.status();
  ASSERT_EQ(diffs->size(), 4u);
  EXPECT_EQ((*diffs)[0].hunks, "@@ -1,3 +1,4 @@\n a\n-b\n+B\n c\n+d\n");
  EXPECT_EQ((*diffs)[0].added, 2);
  EXPECT_EQ((*diffs)[0].removed, 1);
  EXPECT_EQ((*diffs)[1].hunks, "");
  EXPECT_EQ((*diffs)[2].hunks, "@@ -0,0 +1 @@\n+new\n");
  EXPECT_EQ((*diffs)[3].hunks,
            "@@ -1,4 +1 @@\n---- a\n-+++ b\n-@@ x\n-diff a b\n+no newline\n"
            "\\ No newline at end of file\n");
  EXPECT_EQ((*diffs)[3].removed, 4);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "diffs")) << "nothing is left";
}

TEST_F(TextDiffTest, ALongDiffIsCutAfterALineAndCountedWhole) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "0123456789\n";
  const auto diffs = Diff({{"", many}}, 50);
  ASSERT_TRUE(diffs.ok()) << diffs.status();
  EXPECT_TRUE((*diffs)[0].cut);
  EXPECT_LE((*diffs)[0].hunks.size(), 50u);
  EXPECT_EQ((*diffs)[0].hunks.back(), '\n');
  EXPECT_EQ((*diffs)[0].added, 100);
}

TEST_F(TextDiffTest, BytesThatAreNoTextGoThrough) {
  const auto diffs = Diff({{"J\xf6rg\n", "J\xfcrg\n"}});
  ASSERT_TRUE(diffs.ok()) << diffs.status();
  EXPECT_EQ((*diffs)[0].hunks, "@@ -1 +1 @@\n-J\xf6rg\n+J\xfcrg\n");
  EXPECT_TRUE(IsText("J\xf6rg"));
  EXPECT_FALSE(IsText(std::string("a\0b", 3)));
}

TEST_F(TextDiffTest, EndsWhenItIsStoppedAndLeavesNothing) {
  std::stop_source stop;
  FakeProcessRunner runner;
  runner.On({"diff"}, [&stop](const Command& command) -> absl::StatusOr<CommandResult> {
    EXPECT_FALSE(command.give_up());
    stop.request_stop();
    if (command.give_up()) return absl::CancelledError("killed");
    return CommandResult{};
  });
  const std::string scratch = scratch_ / "diffs";
  EXPECT_TRUE(
      absl::IsCancelled(DiffTexts(runner, scratch, {{"a", "b"}}, 1000, stop.get_token()).status()));
  EXPECT_TRUE(std::filesystem::is_empty(scratch));
}

TEST_F(TextDiffTest, WhatAKilledProcessLeftIsRemovedAndNothingElse) {
  scratch_.Write("diffs/diff-killed/a/00000000", "secret");
  scratch_.Write("other", "stays");
  EXPECT_EQ(RemoveLeftDiffs(scratch_ / "diffs"), absl::OkStatus());
  EXPECT_FALSE(scratch_.Has("diffs"));
  EXPECT_TRUE(scratch_.Has("other"));
  EXPECT_EQ(RemoveLeftDiffs(scratch_ / "diffs"), absl::OkStatus()) << "there may be none";
  ASSERT_TRUE(Diff({{"a", "b"}}).ok());
  EXPECT_EQ(std::filesystem::status(scratch_ / "diffs").permissions(),
            std::filesystem::perms::owner_all);
}

}  // namespace
}  // namespace gitops
