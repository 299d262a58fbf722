#include "common/path/walk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/split_path.h"
#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Pair;

class WalkTest : public ::testing::Test {
 protected:
  WalkOptions Options() const { return {.attempt = "cannot look"}; }
  static ino_t InodeOf(int node) {
    struct stat stat = {};
    EXPECT_EQ(fstat(node, &stat), 0);
    return stat.st_ino;
  }
  ino_t InodeAt(const std::string& name) const {
    struct stat stat = {};
    EXPECT_EQ(lstat((box_ / name).c_str(), &stat), 0) << name;
    return stat.st_ino;
  }

  TemporaryDirectory box_;
};

TEST(SplitPath, GivesTheDirectoryAndTheName) {
  EXPECT_THAT(SplitPath("name"), Pair("", "name"));
  EXPECT_THAT(SplitPath("a/b/name"), Pair("a/b", "name"));
  EXPECT_THAT(SplitPath("/name"), Pair("/", "name"));
  EXPECT_THAT(SplitPath("/a/name"), Pair("/a", "name"));
}

TEST_F(WalkTest, FindsTheDirectoryAndTheNameThroughRootsSymlinks) {
  fs::create_directories(box_ / "real/deep");
  fs::create_directories(box_ / "real/other");
  fs::create_symlink(box_ / "real", box_ / "absolute");
  fs::create_symlink("../other", box_ / "real/deep/relative");
  auto place = WalkToParent(box_ / "absolute/deep/./relative/name/", Options());
  ASSERT_TRUE(place.ok()) << place.status();
  EXPECT_EQ(place->name, "name");
  EXPECT_EQ(InodeOf(place->directory.get()), InodeAt("real/other"));
  auto directory = WalkToDirectory(box_ / "absolute/deep/relative", Options());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(InodeOf(directory->get()), InodeAt("real/other"));
}

TEST_F(WalkTest, ASymlinkAtTheEndIsFollowedOnlyIfThatIsAskedFor) {
  fs::create_directories(box_ / "real");
  fs::create_symlink("real/file", box_ / "link");
  EXPECT_EQ(WalkToParent(box_ / "link", Options())->name, "link");
  WalkOptions options = Options();
  options.follow_last = true;
  auto place = WalkToParent(box_ / "link", options);
  ASSERT_TRUE(place.ok()) << place.status();
  EXPECT_EQ(place->name, "file");
  EXPECT_EQ(InodeOf(place->directory.get()), InodeAt("real"));
}

TEST_F(WalkTest, SymlinksOfOthersLoopsAndFilesAreRefusedByName) {
  box_.Write("file", "x");
  fs::create_symlink("loop", box_ / "loop");
  for (const char* name : {"file", "loop"}) {
    const absl::Status status = WalkToParent(box_ / name + "/below", Options()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("cannot look: \"", name)));
  }
  if (geteuid() != 0) GTEST_SKIP() << "only root gives links away";
  fs::create_symlink(".", box_ / "theirs");
  ASSERT_EQ(lchown((box_ / "theirs").c_str(), 123, 456), 0);
  const absl::Status status = WalkToParent(box_ / "theirs/below", Options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("uid 123"));
}

TEST_F(WalkTest, ASymlinkOfRootsThatAnotherAccountMayHaveGivenAFurtherNameIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives directories away";
  fs::create_directories(box_ / "theirs");
  fs::create_symlink(".", box_ / "roots");
  fs::create_symlink(".", box_ / "theirs/made by root");
  ASSERT_EQ(link((box_ / "roots").c_str(), (box_ / "theirs/linked").c_str()), 0);
  EXPECT_TRUE(WalkToParent(box_ / "theirs/linked/below", Options()).ok());
  ASSERT_EQ(chown((box_ / "theirs").c_str(), 123, 456), 0);
  EXPECT_EQ(WalkToParent(box_ / "theirs/linked/below", Options()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(WalkToParent(box_ / "theirs/made by root/below", Options()).ok());
}

TEST_F(WalkTest, WhatIsMissingIsMadeOnlyIfThatIsAskedForAndNeverForASymlink) {
  fs::create_symlink("not-mounted/now", box_ / "dangling");
  EXPECT_EQ(WalkToParent(box_ / "a/b/name", Options()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(box_.Has("a"));
  WalkOptions options = Options();
  options.make_directories = true;
  EXPECT_EQ(WalkToParent(box_ / "dangling/name", options).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(box_.Has("not-mounted"));
  std::vector<std::string> made;
  options.made = [&](int parent, const std::string& name) { made.push_back(name); };
  ASSERT_TRUE(WalkToParent(box_ / "a/b/name", options).ok());
  EXPECT_THAT(made, ::testing::ElementsAre("a", "b"));
  EXPECT_FALSE(box_.Has("a/b/name"));
}

TEST_F(WalkTest, ADirectoryThatIsRemovedOnTheWayIsMadeAgain) {
  WalkOptions options = Options();
  options.make_directories = true;
  int removals = 0;
  options.check = [&](absl::string_view path, const struct stat&) {
    // Reached, but gone before anything is made in it.
    if (path == box_ / "a" && removals++ == 0) rmdir((box_ / "a").c_str());
    return absl::OkStatus();
  };
  auto place = WalkToParent(box_ / "a/b/name", options);
  ASSERT_TRUE(place.ok()) << place.status();
  EXPECT_EQ(removals, 2);
  EXPECT_EQ(InodeOf(place->directory.get()), InodeAt("a/b"));
}

TEST_F(WalkTest, EachDirectoryIsCheckedUnderItsPathWithoutSymlinks) {
  fs::create_directories(box_ / "real/deep");
  fs::create_symlink("real/deep/../deep", box_ / "link");
  std::vector<std::string> paths;
  WalkOptions options = Options();
  options.check = [&](absl::string_view path, const struct stat& stat) {
    EXPECT_TRUE(S_ISDIR(stat.st_mode));
    paths.emplace_back(path);
    return path == box_ / "real/deep" ? absl::PermissionDeniedError("no further")
                                      : absl::OkStatus();
  };
  EXPECT_EQ(WalkToDirectory(box_ / "link", options).status(),
            absl::PermissionDeniedError("no further"));
  EXPECT_EQ(paths.front(), "/");
  EXPECT_EQ(paths.back(), box_ / "real/deep");
  EXPECT_EQ(paths[paths.size() - 2], box_ / "real");
}

TEST_F(WalkTest, PathsWithoutARootOrAName) {
  for (const std::string path : {"relative", "", "/", "/..", "/tmp/.."}) {
    EXPECT_EQ(WalkToParent(path, Options()).status().code(), absl::StatusCode::kInvalidArgument)
        << path;
  }
  EXPECT_TRUE(WalkToDirectory("/", Options()).ok());
}

}  // namespace
}  // namespace gitops
