#include "agent/publish/copy_node.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stop_token>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

class CopyNodeTest : public testing::Test {
 protected:
  CopyNodeTest() {
    for (const char* name : {"old", "new", "outside", "stage"}) fs::create_directories(box_ / name);
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
  NodeCarrier Carrier(CarryHooks hooks = {}) {
    return NodeCarrier(Open("stage"), &budget_, stop_.get_token(), std::move(hooks));
  }
  absl::StatusOr<CarryResult> Carry(const std::string& name, const CarryHooks& hooks = {}) {
    return Carrier(hooks).Carry(from_.get(), to_.get(), name, /*replace=*/true);
  }
  static CarryHooks NoLinks(int error) {
    return {.link = [error](int, int, const std::string&) { return error; }, .placing = {}};
  }
  // Does what a user who owns the new directory could do at the end.
  CarryHooks SwapFor(const std::string& target) const {
    CarryHooks hooks = NoLinks(EPERM);
    hooks.placing = [this, target](int directory, const std::string& name) {
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
  CarryBudget budget_;
  std::stop_source stop_;
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
  for (const int error : {EOPNOTSUPP, EXDEV, EPERM}) {
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
  EXPECT_TRUE(S_ISFIFO(Stat("new/fifo").st_mode)) << "what was swapped in was replaced";
  ExpectOutsideUntouched();
}

TEST_F(CopyNodeTest, ADirectoryIsMadeLikeAnother) {
  fs::create_directories(box_ / "old/dir");
  GiveAway("old/dir");
  ASSERT_EQ(::chmod((box_ / "old/dir").c_str(), 02750), 0);
  ASSERT_EQ(::setxattr((box_ / "old/dir").c_str(), "user.note", "x", 1, 0), 0);
  const Fd like = Open("old/dir");
  const auto made = Carrier().MakeDirectoryLike(like.get(), to_.get(), "dir");
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
  EXPECT_EQ(
      Carrier(SwapFor("outside")).MakeDirectoryLike(like.get(), to_.get(), "dir").status().code(),
      absl::StatusCode::kAlreadyExists);
  ExpectOutsideUntouched();
  EXPECT_EQ(CountIn("stage"), 0);
}

TEST_F(CopyNodeTest, AFileWithTooManyNamesIsALimitAndNotCopied) {
  box_.Write("old/file", "now");
  const absl::Status status = Carry("file", NoLinks(EMLINK)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CountIn("new"), 0);
}

TEST_F(CopyNodeTest, TheNamesOfAFileThatCannotBeLinkedAreNamesOfOneCopy) {
  box_.Write("old/a", "content");
  fs::create_hard_link(box_ / "old/a", box_ / "old/b");
  {
    NodeCarrier carrier = Carrier(NoLinks(EPERM));
    for (const char* name : {"a", "b"}) {
      ASSERT_TRUE(carrier.Carry(from_.get(), to_.get(), name, true).ok());
    }
  }
  EXPECT_EQ(Stat("new/a").st_ino, Stat("new/b").st_ino);
  EXPECT_NE(Stat("new/a").st_ino, Stat("old/a").st_ino);
  EXPECT_EQ(budget_.bytes, 7);
  EXPECT_EQ(CountIn("stage"), 0);
}

TEST_F(CopyNodeTest, HolesStayHoles) {
  box_.Write("old/file", "begin");
  fs::resize_file(box_ / "old/file", uint64_t{1} << 40);
  const auto how = Carry("file", NoLinks(EPERM));
  ASSERT_TRUE(how.ok()) << how.status();
  EXPECT_EQ(Stat("new/file").st_size, int64_t{1} << 40);
  EXPECT_LE(Stat("new/file").st_blocks, 32);
  EXPECT_LE(budget_.bytes, 16 << 10);
  const Fd copy(::open((box_ / "new/file").c_str(), O_RDONLY));
  char begin[6] = {};
  EXPECT_EQ(::read(copy.get(), begin, 5), 5);
  EXPECT_STREQ(begin, "begin");
}

TEST_F(CopyNodeTest, MoreBytesThanTheBudgetAreNotCopied) {
  budget_.max_bytes = 10;
  box_.Write("old/one", "1234567");
  box_.Write("old/two", "1234567");
  EXPECT_TRUE(Carry("one", NoLinks(EPERM)).ok());
  const absl::Status status = Carry("two", NoLinks(EPERM)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("max_untracked_bytes"), absl::string_view::npos) << status;
  EXPECT_EQ(CountIn("new"), 1);
  EXPECT_EQ(CountIn("stage"), 0);
}

TEST_F(CopyNodeTest, ACopyEndsWhenItIsAskedTo) {
  box_.Write("old/file", "1234567");
  stop_.request_stop();
  EXPECT_EQ(Carry("file", NoLinks(EPERM)).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(CountIn("new"), 0);
}

TEST_F(CopyNodeTest, WhatIsGoneOrCannotBeCarriedIsSaidToBe) {
  EXPECT_EQ(Carry("nothing").status().code(), absl::StatusCode::kNotFound);
  fs::create_directories(box_ / "old/dir");
  EXPECT_EQ(Carry("dir").status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace gitops
