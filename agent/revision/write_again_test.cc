#include "agent/revision/write_again.h"

#include "agent/revision/compare_tree.h"
#include "agent/revision/store_test_base.h"
#include "gmock/gmock.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WriteAgainTest : public RevisionStoreTest {};

TEST_F(WriteAgainTest, TheNewDirectoryHasTheTrackedFilesAndNothingElse) {
  const std::string first = Write("aaaa");
  std::ofstream(store_->TreePath(first) + "/etc/made") << "by the service";
  const auto second = WriteAgain(*store_, first, -1, -1, {});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*second, "aaaa-2");
  EXPECT_EQ(NewestOf("aaaa"), *second);
  const auto manifest = store_->ReadManifest(*second);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_THAT(manifest->covers, ElementsAre("etc"));
  EXPECT_THAT(*CompareTree(store_->TreePath(*second), *manifest,
                           {.with_untracked = true, .read_all = true}),
              IsEmpty());
  EXPECT_EQ(ModeOf(*second + "/tree/etc/a"), 0644u);
}

TEST_F(WriteAgainTest, WhatIsNotAsItWasWrittenIsNotCopied) {
  const std::string first = Write("aaaa");
  const std::string file = store_->TreePath(first) + "/etc/a";
  const auto refused = [&] {
    const auto again = WriteAgain(*store_, first, -1, -1, {});
    EXPECT_FALSE(again.ok());
    EXPECT_THAT(Files(), ElementsAre(first));
    return again.status().code();
  };
  std::ofstream(file) << "two";
  EXPECT_EQ(refused(), absl::StatusCode::kDataLoss);
  std::filesystem::remove(file);
  std::filesystem::create_symlink("/etc/passwd", file);
  EXPECT_NE(refused(), absl::StatusCode::kOk);
  std::filesystem::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(refused(), absl::StatusCode::kDataLoss) << "and does not wait for a writer";
}

TEST_F(WriteAgainTest, ItEndsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(WriteAgain(*store_, Write("aaaa"), -1, -1, stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace gitops
