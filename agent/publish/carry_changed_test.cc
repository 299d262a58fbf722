#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/carry_test_base.h"
#include "agent/publish/untracked.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// The second pass: what the service did between the two.
class CarryChangedTest : public CarryTest {
 protected:
  // Links as the kernel does, except that it fails as on a faulty disk where `fails` says so.
  CarryHooks Faulty() {
    CarryHooks hooks;
    hooks.link = [this](int file, int directory, const std::string& name) {
      if (fails_ && fails_(name)) return EIO;
      const std::string path = absl::StrCat("/proc/self/fd/", file);
      return ::linkat(AT_FDCWD, path.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0
                 ? 0
                 : errno;
    };
    return hooks;
  }
  // Until a later change of this directory shows in its times.
  void Settle(const std::string& directory) const {
    struct stat stat = {};
    ASSERT_EQ(::stat((box_ / directory).c_str(), &stat), 0);
    const int64_t changed = Stamp::Of(stat).ctime_ns;
    timespec now = {};
    do {
      std::this_thread::yield();
      ASSERT_EQ(::clock_gettime(CLOCK_REALTIME_COARSE, &now), 0);
    } while (now.tv_sec * 1'000'000'000 + now.tv_nsec < changed + 30'000'000);
  }

  std::function<bool(const std::string& name)> fails_;
};

// What the kernel says of which directories were listed.
class Listings {
 public:
  explicit Listings(const std::string& root) : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    Watch(root, ".");
    for (const auto& node : fs::recursive_directory_iterator(root)) {
      if (node.is_directory()) Watch(node.path(), node.path().lexically_relative(root));
    }
    Take();  // of the walk here
  }
  std::set<std::string> Take() {
    std::set<std::string> listed;
    alignas(inotify_event) char buffer[64 << 10];
    for (ssize_t length = 0; (length = ::read(inotify_.get(), buffer, sizeof buffer)) > 0;) {
      for (ssize_t at = 0; at < length;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        if (event->len == 0) listed.insert(names_.at(event->wd));
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return listed;
  }

 private:
  void Watch(const std::string& path, const std::string& name) {
    const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_ACCESS | IN_ONLYDIR);
    EXPECT_GE(watch, 0) << path;
    names_[watch] = name;
  }

  const Fd inotify_;
  std::map<int, std::string> names_;
};

TEST_F(CarryChangedTest, OnlyDirectoriesThatChangedAreListed) {
  for (const char* path : {"a/file", "a/deep/file", "b/file", "b/deep/file", "c/file"}) {
    box_.Write(absl::StrCat("old/", path), "x");
  }
  Settle("old/c");
  auto carry = New();
  Listings listings(box_ / "old");
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  EXPECT_THAT(listings.Take(), UnorderedElementsAre(".", "a", "a/deep", "b", "b/deep", "c"));
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_THAT(listings.Take(), IsEmpty());

  carry = New();
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  listings.Take();
  box_.Write("old/a/file", "written in place: the same file in both");
  box_.Write("old/b/deep/late", "x");
  fs::permissions(box_ / "old/c", fs::perms::owner_all);
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_THAT(listings.Take(), UnorderedElementsAre("b/deep", "c"));
  EXPECT_TRUE(box_.Has("new/b/deep/late"));
}

TEST_F(CarryChangedTest, AfterAnErrorItGoesOnWhereItEnded) {
  box_.Write("old/first/known", "1");
  box_.Write("old/second/known", "1");
  auto carry = New(Faulty());
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  for (const char* directory : {"first", "second", "late", "late/deep"}) {
    for (int i = 0; i < 20; ++i) box_.Write(absl::StrCat("old/", directory, "/", i), "x");
  }
  fs::remove(box_ / "old/second/known");
  // Each of the files fails once, in the directories that changed and in the new ones.
  fails_ = [again = true](const std::string&) mutable { return std::exchange(again, !again); };
  int failed = 0;
  for (absl::Status status; !(status = carry->CopyChanged()).ok(); ++failed) {
    ASSERT_THAT(status.message(), HasSubstr("Input/output error"));
    ASSERT_LT(failed, 80);
  }
  EXPECT_EQ(failed, 80);
  for (const char* directory : {"first", "second", "late", "late/deep"}) {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(box_.Has(absl::StrCat("new/", directory, "/", i))) << directory << " " << i;
    }
  }
  EXPECT_TRUE(box_.Has("new/first/known"));
  EXPECT_FALSE(box_.Has("new/second/known"));
}

TEST_F(CarryChangedTest, WhatTheServiceRemovedSinceTheErrorStaysRemoved) {
  auto carry = New(Faulty());
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  for (const char* path : {"old/a", "old/b", "old/dir/a", "old/dir/b"}) box_.Write(path, "x");
  int removed = 0;
  for (const char* failing : {"a", "b", "a", "b"}) {
    fails_ = [failing](const std::string& name) { return name == failing; };
    if (carry->CopyChanged().ok()) continue;
    for (const char* path : {"new/a", "new/b", "new/dir/a", "new/dir/b"}) {
      removed += fs::remove(box_ / path);
    }
  }
  fails_ = nullptr;
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  int there = 0;
  for (const char* path : {"new/a", "new/b", "new/dir/a", "new/dir/b"}) there += box_.Has(path);
  EXPECT_EQ(removed + there, 4) << "each was carried over once";
  EXPECT_GT(removed, 0);
}

TEST_F(CarryChangedTest, AFileThatTheListingLacksIsNotTakenForRemoved) {
  box_.Write("old/a", "1");
  auto carry = New(Faulty());
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  fs::remove(box_ / "old/a");
  box_.Write("old/fresh", "x");
  // After the listing, as one that is replaced while a file system lists it.
  fails_ = [this](const std::string& name) {
    if (name == "fresh") box_.Write("old/a", "2");
    return false;
  };
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_TRUE(box_.Has("new/fresh"));
  EXPECT_EQ(box_.Read("new/a"), "2");
}

TEST_F(CarryChangedTest, AnOldRevisionThatWasRemovedTakesNothingWithIt) {
  box_.Write("old/known", "1");
  box_.Write("old/dir/known", "1");
  auto carry = New(Faulty());
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  fs::remove_all(box_ / "old");
  EXPECT_EQ(carry->CopyChanged().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(box_.Has("new/known"));
  EXPECT_TRUE(box_.Has("new/dir/known"));
}

TEST_F(CarryChangedTest, NorDoesOneThatWasRemovedSinceAnError) {
  box_.Write("old/dir/known", "1");
  auto carry = New(Faulty());
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  box_.Write("old/dir/late", "x");
  fails_ = [](const std::string&) { return true; };
  ASSERT_FALSE(carry->CopyChanged().ok());
  fs::remove_all(box_ / "old");
  EXPECT_EQ(carry->CopyChanged().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(box_.Has("new/dir/known"));
}

TEST_F(CarryChangedTest, ACallThatIsStoppedIsFinishedByTheNext) {
  auto carry = New();
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  for (int i = 0; i < 600; ++i) box_.Write(absl::StrCat("old/", i), "x");
  stop_.request_stop();
  EXPECT_EQ(carry->CopyChanged(stop_.get_token()).code(), absl::StatusCode::kCancelled);
  EXPECT_LT(std::distance(fs::directory_iterator(box_ / "new"), {}), 600);
  EXPECT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_EQ(std::distance(fs::directory_iterator(box_ / "new"), {}), 600);
}

}  // namespace
}  // namespace gitops
