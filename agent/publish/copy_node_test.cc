#include "agent/publish/copy_node.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

class CopyNodeTest : public testing::Test {
 protected:
  CopyNodeTest() {
    for (const char* name : {"old", "new", "outside"}) fs::create_directories(box_ / name);
    from_ = Open("old");
    to_ = Open("new");
    // What a user of the directories must not get at.
    box_.Write("outside/victim", "root's");
    EXPECT_EQ(::chmod((box_ / "outside/victim").c_str(), 0600), 0);
    EXPECT_EQ(::chmod((box_ / "outside").c_str(), 0700), 0);
  }

  Fd Open(const std::string& name) const {
    return Fd(::open((box_ / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  struct stat Stat(const std::string& name) const {
    struct stat stat = {};
    EXPECT_EQ(::lstat((box_ / name).c_str(), &stat), 0) << name << ": " << std::strerror(errno);
    return stat;
  }
  absl::StatusOr<CarryResult> Carry(const std::string& name, const CarryHooks& hooks = {}) const {
    return CarryNode(from_.get(), to_.get(), name, hooks);
  }
  static CarryHooks NoLinks(int error) {
    return {.link = [error](int, int, const std::string&) { return error; }, .made = {}};
  }
  // Does what a user who owns the new directory could do in the middle.
  CarryHooks SwapFor(const std::string& target) const {
    CarryHooks hooks = NoLinks(EPERM);
    hooks.made = [this, target](int directory, const std::string& name) {
      const std::string aside = name + ".aside";
      ASSERT_EQ(::renameat(directory, name.c_str(), directory, aside.c_str()), 0);
      ASSERT_EQ(::symlinkat((box_ / target).c_str(), directory, name.c_str()), 0);
    };
    return hooks;
  }
  void ExpectOutsideUntouched() const {
    EXPECT_EQ(Stat("outside/victim").st_mode & 07777, 0600u);
    EXPECT_EQ(Stat("outside/victim").st_uid, ::geteuid());
    EXPECT_EQ(Stat("outside").st_mode & 07777, 0700u);
    EXPECT_EQ(Stat("outside").st_uid, ::geteuid());
    EXPECT_EQ(box_.Read("outside/victim"), "root's");
    EXPECT_EQ(std::distance(fs::directory_iterator(box_ / "outside"), {}), 1);
  }
  long CountIn(const std::string& name) const {
    return std::distance(fs::directory_iterator(box_ / name), {});
  }
  // As the service's account would have it, where this process can do that.
  void GiveAway(const std::string& name) const {
    if (::geteuid() != 0) return;
    ASSERT_EQ(::lchown((box_ / name).c_str(), 123, 456), 0);
  }

  TemporaryDirectory box_;
  Fd from_, to_;
};

TEST_F(CopyNodeTest, AFileIsLinkedAndReplacesWhatIsThere) {
  box_.Write("old/file", "now");
  box_.Write("new/file", "stale");
  for (int i = 0; i < 2; ++i) {
    const auto how = Carry("file");
    ASSERT_TRUE(how.ok()) << how.status();
    EXPECT_EQ(*how, CarryResult::kLinked);
    EXPECT_EQ(Stat("new/file").st_ino, Stat("old/file").st_ino);
    EXPECT_EQ(Stat("old/file").st_nlink, 2u);
    EXPECT_EQ(CountIn("new"), 1);
  }
}

TEST_F(CopyNodeTest, AFileThatCannotBeLinkedIsCopiedWithAllThatBelongsToIt) {
  for (const int error : {EMLINK, EXDEV, EPERM}) {
    const std::string name = absl::StrCat("file", error);
    box_.Write("old/" + name, "content");
    box_.Write("new/" + name, "stale");
    GiveAway("old/" + name);
    ASSERT_EQ(::chmod((box_ / ("old/" + name)).c_str(), 04640), 0);
    ASSERT_EQ(::setxattr((box_ / ("old/" + name)).c_str(), "user.note", "x", 1, 0), 0);
    const timespec times[] = {{1000, 5}, {2000, 7}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (box_ / ("old/" + name)).c_str(), times, 0), 0);

    const auto how = Carry(name, NoLinks(error));

    ASSERT_TRUE(how.ok()) << how.status();
    EXPECT_EQ(*how, CarryResult::kCopied);
    const struct stat copy = Stat("new/" + name), original = Stat("old/" + name);
    EXPECT_NE(copy.st_ino, original.st_ino);
    EXPECT_EQ(box_.Read("new/" + name), "content");
    EXPECT_EQ(copy.st_mode, original.st_mode);
    EXPECT_EQ(copy.st_uid, original.st_uid);
    EXPECT_EQ(copy.st_gid, original.st_gid);
    EXPECT_EQ(copy.st_mtim.tv_sec, 2000);
    EXPECT_EQ(copy.st_mtim.tv_nsec, 7);
    char value = 0;
    EXPECT_EQ(::getxattr((box_ / ("new/" + name)).c_str(), "user.note", &value, 1), 1);
    EXPECT_EQ(value, 'x');
  }
  EXPECT_EQ(CountIn("new"), 3);
}

TEST_F(CopyNodeTest, ADiskThatIsFullIsAnErrorAndTheOldFileStays) {
  box_.Write("old/file", "now");
  box_.Write("new/file", "stale");
  EXPECT_EQ(Carry("file", NoLinks(ENOSPC)).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(box_.Read("new/file"), "stale");
  EXPECT_EQ(CountIn("new"), 1);
}

TEST_F(CopyNodeTest, ASymlinkSwappedInWhileACopyIsMadeLeadsNowhere) {
  box_.Write("old/file", "the user's");
  GiveAway("old/file");
  ASSERT_EQ(::chmod((box_ / "old/file").c_str(), 0666), 0);
  Carry("file", SwapFor("outside/victim")).IgnoreError();
  ExpectOutsideUntouched();
}

TEST_F(CopyNodeTest, ASymlinkSwappedInWhileAFifoOrSymlinkIsMadeLeadsNowhere) {
  ASSERT_EQ(::mkfifo((box_ / "old/fifo").c_str(), 0666), 0);
  ASSERT_EQ(::chmod((box_ / "old/fifo").c_str(), 0666), 0);
  fs::create_symlink("/elsewhere", box_ / "old/symlink");
  for (const char* name : {"fifo", "symlink"}) {
    GiveAway(absl::StrCat("old/", name));
    Carry(name, SwapFor("outside/victim")).IgnoreError();
  }
  EXPECT_EQ(Carry("fifo", SwapFor("outside/victim")).status().code(), absl::StatusCode::kAborted);
  ExpectOutsideUntouched();
}

TEST_F(CopyNodeTest, ADirectoryIsMadeLikeAnother) {
  fs::create_directories(box_ / "old/dir");
  GiveAway("old/dir");
  ASSERT_EQ(::chmod((box_ / "old/dir").c_str(), 02750), 0);
  ASSERT_EQ(::setxattr((box_ / "old/dir").c_str(), "user.note", "x", 1, 0), 0);
  const Fd like = Open("old/dir");
  const auto made = MakeDirectoryLike(like.get(), to_.get(), "dir");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(SameAccess(like.get(), made->get()));
  EXPECT_EQ(Stat("new/dir").st_mode, Stat("old/dir").st_mode);
  EXPECT_EQ(Stat("new/dir").st_uid, Stat("old/dir").st_uid);
  ASSERT_EQ(::fsetxattr(made->get(), "user.note", "y", 1, 0), 0);
  EXPECT_EQ(SameAccess(like.get(), made->get()), ::geteuid() != 0);
  ASSERT_EQ(::fchmod(made->get(), 0755), 0);
  EXPECT_FALSE(SameAccess(like.get(), made->get()));
}

TEST_F(CopyNodeTest, WhatIsSwappedInForADirectoryIsNotGivenAway) {
  fs::create_directories(box_ / "old/dir");
  GiveAway("old/dir");
  ASSERT_EQ(::chmod((box_ / "old/dir").c_str(), 0777), 0);
  const Fd like = Open("old/dir");
  EXPECT_EQ(MakeDirectoryLike(like.get(), to_.get(), "dir", SwapFor("outside")).status().code(),
            absl::StatusCode::kAborted);
  ExpectOutsideUntouched();

  // Nor is a directory of root's own, which a user can rename within a directory that is his.
  CarryHooks swap;
  swap.made = [](int directory, const std::string& name) {
    ASSERT_EQ(::renameat(directory, name.c_str(), directory, "aside"), 0);
    ASSERT_EQ(::mkdirat(directory, name.c_str(), 0700), 0);
    const Fd file(::openat(directory, (name + "/secret").c_str(), O_CREAT | O_WRONLY, 0600));
  };
  EXPECT_EQ(MakeDirectoryLike(like.get(), to_.get(), "other", swap).status().code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(Stat(absl::StrCat("new/", kUnfinishedPrefix, "other")).st_mode & 07777, 0700u);
}

TEST_F(CopyNodeTest, WhatIsGoneOrCannotBeCarriedIsSaidToBe) {
  EXPECT_EQ(Carry("nothing").status().code(), absl::StatusCode::kNotFound);
  fs::create_directories(box_ / "old/dir");
  EXPECT_EQ(Carry("dir").status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace gitops
