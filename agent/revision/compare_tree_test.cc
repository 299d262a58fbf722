#include "agent/revision/compare_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/git/object_hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using Kind = TreeDifference::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Oid(const std::string& content, size_t length = 40) {
  ObjectHash hash("blob", static_cast<int64_t>(content.size()), length);
  hash.Update(content);
  return hash.Finish();
}

class CompareTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    fs::create_directories(root_ / "etc/conf.d");
    Put("etc/a", "one", 0644);
    Put("etc/conf.d/b", "two", 0755);
    fs::create_symlink("a", root_ / "etc/link");
    Note("etc/a", 0100644, "one");
    Note("etc/conf.d/b", 0100755, "two");
    Note("etc/link", 0120000, "a");
  }

  void Put(const std::string& path, const std::string& content, mode_t mode) {
    std::ofstream(root_ / path) << content;
    ASSERT_EQ(chmod((root_ / path).c_str(), mode), 0);
  }

  void Note(const std::string& path, uint32_t mode, const std::string& content) {
    struct stat stat {};
    ASSERT_EQ(lstat((root_ / path).c_str(), &stat), 0);
    manifest_.entries.push_back(
        {.path = path,
         .mode = mode,
         .oid = Oid(content),
         .size = stat.st_size,
         .mtime_ns = int64_t{stat.st_mtim.tv_sec} * 1'000'000'000 + stat.st_mtim.tv_nsec,
         .ctime_ns = int64_t{stat.st_ctim.tv_sec} * 1'000'000'000 + stat.st_ctim.tv_nsec,
         .inode = stat.st_ino});
  }

  std::vector<TreeDifference> Compare(bool untracked = true, bool read_all = false) {
    auto differences =
        CompareTree(root_, manifest_, {.with_untracked = untracked, .read_all = read_all});
    EXPECT_TRUE(differences.ok()) << differences.status();
    return differences.ok() ? *std::move(differences) : std::vector<TreeDifference>();
  }

  fs::path root_;
  Manifest manifest_;
};

TEST(BlobHasher, GivesGitsOwnIds) {
  EXPECT_EQ(Oid(""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(Oid("hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_EQ(Oid("", 64), "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813");
}

TEST_F(CompareTreeTest, AnUntouchedTreeHasNoDifference) {
  EXPECT_THAT(Compare(), IsEmpty());
  EXPECT_THAT(Compare(true, /*read_all=*/true), IsEmpty());
}

TEST_F(CompareTreeTest, ChangedContentIsFoundAlsoWhereTheSizeIsTheSame) {
  Put("etc/a", "ONE", 0644);
  EXPECT_THAT(Compare(), ElementsAre(TreeDifference{Kind::kModified, "etc/a", "content"}));
}

TEST_F(CompareTreeTest, AFileThatWasWrittenAgainWithTheSameContentIsUnchanged) {
  Put("etc/a", "one", 0644);
  EXPECT_THAT(Compare(), IsEmpty());
}

TEST_F(CompareTreeTest, ContentIsReadOnlyWhereStatDiffersUnlessAllIsToBeRead) {
  manifest_.entries[0].oid = Oid("something else");  // as if the disk had rotted
  EXPECT_THAT(Compare(), IsEmpty());
  EXPECT_THAT(Compare(true, /*read_all=*/true),
              ElementsAre(TreeDifference{Kind::kModified, "etc/a", "content"}));
}

TEST_F(CompareTreeTest, ModesDeletionsAndReplacementsAreNamed) {
  ASSERT_EQ(chmod((root_ / "etc/a").c_str(), 0755), 0);
  fs::remove(root_ / "etc/conf.d/b");
  fs::remove(root_ / "etc/link");
  fs::create_directory(root_ / "etc/link");
  EXPECT_THAT(Compare(),
              ElementsAre(TreeDifference{Kind::kModified, "etc/a", "mode 0755 instead of 0644"},
                          TreeDifference{Kind::kDeleted, "etc/conf.d/b", ""},
                          TreeDifference{Kind::kModified, "etc/link", "is a directory"}));
}

TEST_F(CompareTreeTest, ARetargetedSymlinkIsModified) {
  fs::remove(root_ / "etc/link");
  fs::create_symlink("b", root_ / "etc/link");
  EXPECT_THAT(Compare(), ElementsAre(TreeDifference{Kind::kModified, "etc/link", "content"}));
}

TEST_F(CompareTreeTest, ADirectoryReplacedByASymlinkIsNotFollowed) {
  const fs::path canary = root_.string() + "-canary";
  fs::create_directories(canary);
  std::ofstream(canary / "b") << "two";
  fs::remove_all(root_ / "etc/conf.d");
  fs::create_symlink(canary, root_ / "etc/conf.d");
  EXPECT_THAT(Compare(), ElementsAre(TreeDifference{Kind::kDeleted, "etc/conf.d/b",
                                                    "its directory was removed or replaced"}));
}

TEST_F(CompareTreeTest, UntrackedFilesAreNamedOnlyWhenAskedFor) {
  fs::create_directories(root_ / "etc/new/deep");
  std::ofstream(root_ / "etc/new/deep/file") << "x";
  ASSERT_EQ(mkfifo((root_ / "etc/pipe").c_str(), 0600), 0);
  EXPECT_THAT(Compare(false), IsEmpty());
  EXPECT_THAT(Compare(true),
              ElementsAre(TreeDifference{Kind::kUntracked, "etc/new/deep/file", ""},
                          TreeDifference{Kind::kUntracked, "etc/pipe", "is a special file"}));
}

TEST_F(CompareTreeTest, AFifoInAFilesPlaceDoesNotBlock) {
  fs::remove(root_ / "etc/a");
  ASSERT_EQ(mkfifo((root_ / "etc/a").c_str(), 0644), 0);
  EXPECT_THAT(Compare(),
              ElementsAre(TreeDifference{Kind::kModified, "etc/a", "is a special file"}));
}

}  // namespace
}  // namespace gitops
