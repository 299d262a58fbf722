#include "common/path/remove_tree.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stop_token>
#include <string>

#include "common/path/beneath.h"
#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(RemoveTreeTest, RemovesFilesDirectoriesAndOddNames) {
  TemporaryDirectory directory;
  directory.Write("tree/a/b/c", "x");
  directory.Write("tree/new\nline", "x");
  directory.Write("tree/-rf", "x");
  directory.Write("beside", "x");
  ASSERT_EQ(mkfifo((directory / "tree/fifo").c_str(), 0600), 0);
  EXPECT_EQ(RemoveTree(directory / "tree/"), absl::OkStatus());
  EXPECT_FALSE(directory.Has("tree"));
  EXPECT_TRUE(directory.Has("beside"));
}

TEST(RemoveTreeTest, WhatDoesNotExistIsRemoved) {
  TemporaryDirectory directory;
  EXPECT_EQ(RemoveTree(directory / "missing"), absl::OkStatus());
  EXPECT_EQ(RemoveTree(directory / "missing/below"), absl::OkStatus());
}

TEST(RemoveTreeTest, LinksAreRemovedAndNotFollowed) {
  TemporaryDirectory directory;
  directory.Write("canary/file", "x");
  std::filesystem::create_directory(directory / "tree");
  std::filesystem::create_symlink(directory / "canary", directory / "tree/link");
  std::filesystem::create_symlink(directory / "canary", directory / "itself");
  EXPECT_EQ(RemoveTree(directory / "tree"), absl::OkStatus());
  EXPECT_EQ(RemoveTree(directory / "itself"), absl::OkStatus());
  EXPECT_FALSE(directory.Has("tree"));
  EXPECT_FALSE(directory.Has("itself"));
  EXPECT_TRUE(directory.Has("canary/file"));
}

TEST(RemoveTreeTest, AFileIsATreeToo) {
  TemporaryDirectory directory;
  directory.Write("file", "x");
  EXPECT_EQ(RemoveTree(directory / "file"), absl::OkStatus());
  EXPECT_FALSE(directory.Has("file"));
}

TEST(RemoveTreeTest, ReadOnlyDirectoriesAreNoObstacle) {
  TemporaryDirectory directory;
  directory.Write("tree/shut/file", "x");
  chmod((directory / "tree/shut").c_str(), 0);
  chmod((directory / "tree").c_str(), 0500);
  EXPECT_EQ(RemoveTree(directory / "tree"), absl::OkStatus());
  EXPECT_FALSE(directory.Has("tree"));
}

TEST(RemoveTreeTest, DeeperThanFilesMayBeOpenOrPathsLong) {
  TemporaryDirectory directory;
  Fd at(open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(mkdirat(at.get(), "tree", 0755), 0);
  at = Fd(openat(at.get(), "tree", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::string name(100, 'd');
  for (int depth = 0; depth < 300; ++depth) {
    ASSERT_EQ(mkdirat(at.get(), name.c_str(), 0755), 0);
    ASSERT_EQ(mkdirat(at.get(), "beside", 0755), 0);
    at = Fd(openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {64, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const absl::Status status = RemoveTree(directory / "tree");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_FALSE(directory.Has("tree"));
}

TEST(RemoveTreeTest, ItEndsSoonAfterItIsAskedToAndCanBeContinued) {
  TemporaryDirectory directory;
  for (int i = 0; i < 600; ++i) directory.Write("tree/a/" + std::to_string(i), "x");
  const Fd parent(open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(RemoveTreeAt(parent.get(), "tree", {.stop = stop.get_token()}).code(),
            absl::StatusCode::kCancelled);
  const auto left = std::distance(std::filesystem::directory_iterator(directory / "tree/a"), {});
  EXPECT_GE(left, 600 - 256);
  EXPECT_EQ(RemoveTreeAt(parent.get(), "tree"), absl::OkStatus());
  EXPECT_FALSE(directory.Has("tree"));
}

TEST(RemoveTreeTest, NoMoreThanTheLimitIsRemoved) {
  TemporaryDirectory directory;
  for (int i = 0; i < 100; ++i) directory.Write("tree/a/" + std::to_string(i), "x");
  const Fd parent(open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  int64_t entries = 60;
  EXPECT_EQ(RemoveTreeAt(parent.get(), "tree", {.entries = &entries}).code(),
            absl::StatusCode::kResourceExhausted);
  const auto left = std::distance(std::filesystem::directory_iterator(directory / "tree/a"), {});
  EXPECT_GE(left, 39);
  EXPECT_LE(left, 41);
}

TEST(RemoveTreeTest, WhatIsNoNameIsRefused) {
  for (const char* const path : {"", "/", "//", ".", "..", "a/..", "a/../", "/tmp/."}) {
    EXPECT_EQ(RemoveTree(path).code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

// In a mount namespace of the test's own.
class RemoveTreeMountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    directory_.Write("canary/file", "x");
    directory_.Write("canary/file2", "x");
    std::filesystem::create_directories(directory_ / "tree/sub/mounted");
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "may not mount here";
    }
  }
  void TearDown() override {
    umount2((directory_ / "tree/sub/mounted").c_str(), MNT_DETACH);
    umount2((directory_ / "tree").c_str(), MNT_DETACH);
  }
  void Bind(const std::string& from, const std::string& to) {
    ASSERT_EQ(
        mount((directory_ / from).c_str(), (directory_ / to).c_str(), nullptr, MS_BIND, nullptr),
        0);
  }

  TemporaryDirectory directory_;
};

TEST_F(RemoveTreeMountTest, ABindMountOfTheSameDiskIsNotCrossed) {
  Bind("canary", "tree/sub/mounted");
  const absl::Status status = RemoveTree(directory_ / "tree");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("\"tree/sub/mounted\" is a mount point; unmount it"));
  EXPECT_TRUE(directory_.Has("canary/file"));
  EXPECT_TRUE(directory_.Has("canary/file2"));
}

TEST_F(RemoveTreeMountTest, ATreeThatIsAMountPointIsRefused) {
  Bind("canary", "tree");
  EXPECT_EQ(RemoveTree(directory_ / "tree").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(directory_.Has("canary/file"));
}

TEST_F(RemoveTreeMountTest, AMountedFileIsNotRemoved) {
  directory_.Write("tree/file", "below");
  Bind("canary/file", "tree/file");
  EXPECT_FALSE(RemoveTree(directory_ / "tree").ok());
  EXPECT_TRUE(directory_.Has("canary/file"));
  umount2((directory_ / "tree/file").c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace gitops
