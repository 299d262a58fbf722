#include "common/config/config_follower.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/config/config_files.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

class ConfigFollowerTest : public testing::Test {
 protected:
  ConfigFollowerTest() {
    std::string name = absl::StrCat(testing::TempDir(), "/follower-XXXXXX");
    directory_ = ::mkdtemp(name.data());
    file_ = directory_ / "config.toml";
    Write(file_, "one");
  }
  ~ConfigFollowerTest() override {
    follower_.reset();
    scheduler_.reset();
    fs::remove_all(directory_);
  }

  void Start(const std::string& known = "one", Followed followed = Followed::kFile) {
    follower_ = std::make_unique<ConfigFollower>(
        file_, known, &clock_, scheduler_.get(),
        [this] {
          MutexLock lock(mutex_);
          ++changes_;
          changed_.NotifyAll();
          return changes_ > refusals_;
        },
        followed);
  }
  // Follows what the file and its included files have now.
  void StartWithIncludes() {
    Start(ReadConfigFiles(file_).files->Packed(), Followed::kFileAndIncludes);
  }
  static void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  void Replace(const std::string& text) {
    Write(directory_ / "new", text);
    fs::rename(directory_ / "new", file_);
  }
  // Makes it look once more. True: it has, and waits for its next time.
  bool Look() {
    constexpr absl::Duration kPause = absl::Seconds(2);
    if (!clock_.AwaitDeadline(clock_.Now() + kPause)) return false;
    clock_.Advance(kPause);
    return clock_.AwaitDeadline(clock_.Now() + kPause);
  }
  int changes() {
    MutexLock lock(mutex_);
    return changes_;
  }
  bool AwaitChanges(int count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    MutexLock lock(mutex_);
    while (changes_ < count && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
    }
    return changes_ == count;
  }

  fs::path directory_, file_;
  FakeClock clock_;
  // One thread, so that who waits for a deadline has come to the end of its run.
  std::unique_ptr<Scheduler> scheduler_ = NewScheduler(&clock_, 1);
  Mutex mutex_;
  CondVar changed_;
  int changes_ ABSL_GUARDED_BY(mutex_) = 0;
  int refusals_ = 0;  // the first so many times it cannot be taken up; set before Start()
  std::unique_ptr<ConfigFollower> follower_;
};

TEST_F(ConfigFollowerTest, WhatIsNoFileHoldsNobodyUp) {
  Start();
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  EXPECT_TRUE(Look()) << "whoever opens a pipe waits for who writes to it";
  EXPECT_EQ(changes(), 0);
  Replace("two");
  ASSERT_TRUE(Look());
  EXPECT_TRUE(AwaitChanges(1));
}

TEST_F(ConfigFollowerTest, AChangeThatCouldNotBeTakenUpIsTriedAgainAtTheNextLook) {
  refusals_ = 2;
  Start("something else");
  for (int look = 0; look < 5; ++look) ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 3);
}

TEST_F(ConfigFollowerTest, AChangeBetweenTheFirstReadingAndTheBeginningIsTold) {
  Start("what the file held when the agent read it");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 1);
}

TEST_F(ConfigFollowerTest, EachChangeIsToldOnceWhicheverWayItIsMade) {
  Start();
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 0) << "first for a change after now";
  Write(file_, "two, in place");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 1);
  Replace("three, by a rename");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 2);
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 2);
}

TEST_F(ConfigFollowerTest, ASymlinkToAnotherDirectoryIsAChange) {
  for (const char* revision : {"a", "b"}) {
    fs::create_directory(directory_ / revision);
    Write(directory_ / revision / "config.toml", revision);
  }
  fs::create_directory_symlink("a", directory_ / "current");
  file_ = directory_ / "current/config.toml";
  Start();
  fs::create_directory_symlink("b", directory_ / "next");
  fs::rename(directory_ / "next", directory_ / "current");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 1);
}

TEST_F(ConfigFollowerTest, TheSameContentAnewIsNoChange) {
  Start();
  Replace("one");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 0);
}

TEST_F(ConfigFollowerTest, AFileThatIsAwayForAWhileIsNoChange) {
  Start();
  fs::rename(file_, directory_ / "away");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 0);
  fs::rename(directory_ / "away", file_);
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 0);
  fs::remove(file_);
  ASSERT_TRUE(Look());
  Write(file_, "back with another content");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 1);
}

TEST_F(ConfigFollowerTest, ReloadTellsAtOnceChangedOrNot) {
  Start();
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  follower_->Reload();
  EXPECT_TRUE(AwaitChanges(1));
  Replace("two");
  follower_->Reload();
  EXPECT_TRUE(AwaitChanges(2));
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 2) << "not again for the same content";
}

TEST_F(ConfigFollowerTest, IncludedFilesAndNewMatchesAreFollowed) {
  fs::create_directory(directory_ / "d");
  Write(directory_ / "d/a.toml", "");
  Write(file_, "include = [\"d/*.toml\", \"later/*.toml\"]");
  StartWithIncludes();
  ASSERT_TRUE(Look());
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 0);
  Write(directory_ / "d/a.toml", "# changed");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 1);
  Write(directory_ / "d/b.toml", "");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 2) << "a new match";
  ASSERT_TRUE(Look());
  Write(directory_ / "d/b.toml", "# also changed");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 3);
  fs::create_directory(directory_ / "later");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 3) << "it has no match yet";
  Write(directory_ / "later/c.toml", "");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 4);
  fs::remove(directory_ / "d/a.toml");
  ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 5);
  for (int look = 0; look < 3; ++look) ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 5);
}

TEST_F(ConfigFollowerTest, AnIncludeThatBreaksARuleIsToldOnceAndSoIsItsCorrection) {
  Write(file_, "include = [\"a.toml\"]");
  Write(directory_ / "a.toml", "");
  StartWithIncludes();
  fs::remove(directory_ / "a.toml");
  for (int look = 0; look < 3; ++look) ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 1);
  Write(directory_ / "a.toml", "# corrected");
  for (int look = 0; look < 3; ++look) ASSERT_TRUE(Look());
  EXPECT_EQ(changes(), 2);
}

}  // namespace
}  // namespace gitops
