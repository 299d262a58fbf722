#include "agent/publish/targets.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class TargetsTest : public testing::Test {
 protected:
  // For root, another account owns the directory in which all is made.
  TargetsTest() {
    if (::geteuid() == 0) EXPECT_EQ(::chown(box_.path().c_str(), 123, 456), 0);
  }

  void MakeTheirs(const std::string& name) const {
    fs::create_directories(box_ / name);
    if (::geteuid() == 0) EXPECT_EQ(::chown((box_ / name).c_str(), 123, 456), 0);
  }

  struct stat Stat(const std::string& name) const {
    struct stat stat = {};
    EXPECT_EQ(::lstat((box_ / name).c_str(), &stat), 0) << name;
    return stat;
  }
  void ExpectMade(const std::string& name, mode_t mode) const {
    EXPECT_EQ(Stat(name).st_mode, mode) << name;
    if (::geteuid() == 0) {
      EXPECT_EQ(Stat(name).st_uid, 123u) << name;
      EXPECT_EQ(Stat(name).st_gid, 456u) << name;
    }
  }

  TemporaryDirectory box_;
  Targets targets_;
};

TEST_F(TargetsTest, WhatIsMissingIsMadeForTheOwnerAndRemovedIfStillEmpty) {
  MakeTheirs("etc");
  ASSERT_EQ(targets_.Create(box_ / "etc/a/b/dir", false), absl::OkStatus());
  ASSERT_EQ(targets_.Create(box_ / "etc/a/file", true), absl::OkStatus());
  ASSERT_EQ(targets_.Create(box_ / "etc/a/file", true), absl::OkStatus());
  for (const char* name : {"etc/a", "etc/a/b", "etc/a/b/dir"}) ExpectMade(name, S_IFDIR | 0755);
  ExpectMade("etc/a/file", S_IFREG | 0644);
  box_.Write("etc/a/b/used", "x");
  targets_.RemoveCreated();
  EXPECT_FALSE(fs::exists(box_ / "etc/a/file"));
  EXPECT_FALSE(fs::exists(box_ / "etc/a/b/dir"));
  EXPECT_TRUE(fs::exists(box_ / "etc/a/b/used"));
}

TEST_F(TargetsTest, OwnSymlinksOnTheWayAreFollowed) {
  fs::create_directories(box_ / "real/deep");
  MakeTheirs("real/other");
  fs::create_symlink(box_ / "real", box_ / "absolute");
  fs::create_symlink("../other", box_ / "real/deep/relative");
  ASSERT_EQ(targets_.Create(box_ / "absolute/deep/relative/made/dir", false), absl::OkStatus());
  ExpectMade("real/other/made/dir", S_IFDIR | 0755);
}

TEST_F(TargetsTest, SymlinksOfOthersLoopsAndDanglingOnesAreRefused) {
  fs::create_directories(box_ / "real");
  fs::create_symlink(box_ / "real", box_ / "theirs");
  fs::create_symlink("loop", box_ / "loop");
  fs::create_symlink("not-mounted/now", box_ / "dangling");
  if (::geteuid() == 0) {
    ASSERT_EQ(::lchown((box_ / "theirs").c_str(), 123, 456), 0);
    const absl::Status status = targets_.Create(box_ / "theirs/dir", false);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("a symlink of uid 123"));
  }
  EXPECT_EQ(targets_.Create(box_ / "loop/dir", false).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(targets_.Create(box_ / "dangling/dir", false).ok());
  EXPECT_TRUE(fs::is_empty(box_ / "real"));
  EXPECT_FALSE(fs::exists(box_ / "not-mounted"));
}

TEST_F(TargetsTest, WhatTheOwnerSwapsInOnTheWayIsNeitherEnteredNorGivenAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives links away";
  box_.Write("outside/file", "root's");
  ASSERT_EQ(::chmod((box_ / "outside/file").c_str(), 0600), 0);
  MakeTheirs("etc");
  // As soon as it is there, it leads elsewhere.
  targets_.after_making = [this](int directory, const std::string& name) {
    ASSERT_EQ(::renameat(directory, name.c_str(), directory, (name + ".aside").c_str()), 0);
    const std::string target = box_ / (name == "file" ? "outside/file" : "outside");
    ASSERT_EQ(::symlinkat(target.c_str(), directory, name.c_str()), 0);
    ASSERT_EQ(::fchownat(directory, name.c_str(), 123, 456, AT_SYMLINK_NOFOLLOW), 0);
  };
  for (const char* path : {"etc/a/b", "etc/dir"}) {
    EXPECT_EQ(targets_.Create(box_ / path, false).code(), absl::StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(targets_.Create(box_ / "etc/file", true).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::distance(fs::directory_iterator(box_ / "outside"), {}), 1);
  for (const char* name : {"outside", "outside/file"}) EXPECT_EQ(Stat(name).st_uid, 0u) << name;
  EXPECT_EQ(Stat("outside/file").st_mode & 07777, 0600u);
}

TEST_F(TargetsTest, ADirectoryOfRootsThatIsSwappedInStaysAsItIs) {
  box_.Write("private/secret", "root's");
  ASSERT_EQ(::chmod((box_ / "private").c_str(), 0700), 0);
  targets_.after_making = [](int directory, const std::string& name) {
    ASSERT_EQ(::renameat(directory, name.c_str(), directory, "aside"), 0);
    ASSERT_EQ(::renameat(directory, "private", directory, name.c_str()), 0);
  };
  EXPECT_EQ(targets_.Create(box_ / "a", false), absl::OkStatus());
  EXPECT_EQ(Stat("a").st_mode & 07777, 0700u);
  EXPECT_EQ(Stat("a").st_uid, ::geteuid());
  targets_.RemoveCreated();
  EXPECT_EQ(box_.Read("a/secret"), "root's");
}

TEST_F(TargetsTest, WhatTheOwnerCouldNotMakeIsNotMadeForThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "root makes things for others";
  MakeTheirs("closed");
  ASSERT_EQ(::chmod((box_ / "closed").c_str(), 0555), 0);
  const absl::Status status = targets_.Create(box_ / "closed/a", false);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr("uid 123"));
  EXPECT_TRUE(fs::is_empty(box_ / "closed"));
}

TEST_F(TargetsTest, PublicationsBelowOneMissingDirectoryMakeItTogether) {
  constexpr int kServices = 8, kRounds = 100;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::thread> services;
    for (int service = 0; service < kServices; ++service) {
      services.emplace_back([this, service] {
        Targets targets;
        const std::string path = box_ / absl::StrCat("srv/apps/", service);
        EXPECT_EQ(targets.Create(path, service % 2 == 0), absl::OkStatus());
        // These fail, and must not remove what others use.
        if (service < 2) targets.RemoveCreated();
      });
    }
    for (std::thread& service : services) service.join();
    for (int service = 2; service < kServices; ++service) {
      EXPECT_TRUE(fs::exists(box_ / absl::StrCat("srv/apps/", service))) << round;
    }
    fs::remove_all(box_ / "srv");
  }
}

TEST_F(TargetsTest, AParentSwappedAfterwardsDoesNotLeadTheRemovalAstray) {
  fs::create_directories(box_ / "outside/b");
  ASSERT_EQ(targets_.Create(box_ / "a/b", false), absl::OkStatus());
  fs::rename(box_ / "a", box_ / "aside");
  fs::create_symlink("outside", box_ / "a");
  targets_.RemoveCreated();
  EXPECT_TRUE(fs::exists(box_ / "outside/b"));
  EXPECT_FALSE(fs::exists(box_ / "aside/b"));
}

TEST_F(TargetsTest, WhatIsInTheWayIsNamed) {
  box_.Write("file", "x");
  fs::create_symlink("/elsewhere", box_ / "symlink");
  EXPECT_THAT(std::string(targets_.Create(box_ / "symlink", false).message()),
              HasSubstr("a symlink to /elsewhere is in the way"));
  EXPECT_THAT(std::string(targets_.Create(box_ / "file", false).message()),
              HasSubstr("a file is in the way"));
  EXPECT_THAT(std::string(targets_.Create(box_ / "file/below", false).message()),
              HasSubstr("\"file\" is not a directory"));
}

TEST_F(TargetsTest, BeneathADirectoryMissingPlacesAreMadeAndNoSymlinkIsFollowed) {
  MakeTheirs("root");
  fs::create_symlink(box_ / "root", box_ / "root/symlink");
  Fd root(::open((box_ / "root").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(targets_.CreateBeneath(root.get(), "a/b/dir", false), absl::OkStatus());
  ASSERT_EQ(targets_.CreateBeneath(root.get(), "a/file", true), absl::OkStatus());
  for (const char* name : {"root/a", "root/a/b", "root/a/b/dir"}) ExpectMade(name, S_IFDIR | 0755);
  ExpectMade("root/a/file", S_IFREG | 0644);
  EXPECT_EQ(targets_.CreateBeneath(root.get(), "symlink/x", false).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(targets_.CreateBeneath(root.get(), "a/file", false).code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace gitops
