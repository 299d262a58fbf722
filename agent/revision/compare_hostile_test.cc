// Comparison of trees whose owner hides, floods or holds things, and on a host that lacks
// descriptors.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/revision/compare_tree.h"
#include "common/git/object_hash.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using Kind = TreeDifference::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uid_t kNobody = 65534;
// It keeps what was freed.
#if __has_feature(address_sanitizer)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

std::string Oid(const std::string& content) {
  ObjectHash hash("blob", static_cast<int64_t>(content.size()), 40);
  hash.Update(content);
  return hash.Finish();
}

// Another account's process that holds an exclusive lease of a file.
class LeaseHolder {
 public:
  explicit LeaseHolder(const fs::path& file) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    EXPECT_EQ(pipe(until_), 0);
    child_ = fork();
    if (child_ == 0) Hold(file, ready[1]);
    char taken = 0;
    EXPECT_EQ(read(ready[0], &taken, 1), 1);
    EXPECT_EQ(taken, 'y') << "the lease could not be taken";
    close(ready[0]);
    close(ready[1]);
  }
  ~LeaseHolder() {
    close(until_[0]);
    close(until_[1]);
    waitpid(child_, nullptr, 0);
  }

 private:
  [[noreturn]] void Hold(const fs::path& file, int ready) {
    close(until_[1]);
    signal(SIGIO, SIG_IGN);  // sent when somebody wants to open it
    const bool other = setgid(kNobody) == 0 && setuid(kNobody) == 0;
    const int fd = open(file.c_str(), O_WRONLY);
    const bool taken = other && fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
    char byte = taken ? 'y' : 'n';
    (void)!write(ready, &byte, 1);
    (void)!read(until_[0], &byte, 1);
    _exit(0);
  }

  int until_[2];
  pid_t child_;
};

// At most `more` descriptors can be opened while this exists.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(0);
    close(next);
    const rlimit limit{static_cast<rlim_t>(next) + more, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

class CompareHostileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = temporary_.path();
    fs::create_directories(root_ / "etc");
    for (const char* name : {"etc/a", "etc/b", "etc/c"}) {
      std::ofstream(root_ / name) << "content of " << name;
      ASSERT_EQ(chmod((root_ / name).c_str(), 0644), 0);
      Note(name);
    }
    directory_ = Fd(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }

  void Note(const std::string& path) {
    struct stat stat {};
    ASSERT_EQ(lstat((root_ / path).c_str(), &stat), 0);
    manifest_.entries.push_back({.path = path,
                                 .mode = 0100644,
                                 .oid = Oid("content of " + path),
                                 .size = stat.st_size,
                                 .mtime_ns = 1,  // so that it is read
                                 .inode = stat.st_ino});
  }

  std::vector<TreeDifference> Compare(const CompareOptions& options = {}) {
    auto differences = CompareTree(directory_.get(), manifest_, options);
    EXPECT_TRUE(differences.ok()) << differences.status();
    return differences.ok() ? *std::move(differences) : std::vector<TreeDifference>();
  }

  const TemporaryDirectory temporary_{TemporaryDirectory::For::kEveryAccount};
  fs::path root_;
  Fd directory_;
  Manifest manifest_;
};

TEST_F(CompareHostileTest, AFileBehindAnExclusiveLeaseOfItsUserIsADifferenceAndHidesNoOther) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be another account";
  const fs::path changed = root_ / "etc/b";
  std::ofstream(changed) << "CONTENT of etc/b";
  ASSERT_EQ(chown(changed.c_str(), kNobody, kNobody), 0);
  std::ofstream(root_ / "etc/c") << "CONTENT of etc/c";
  {
    const LeaseHolder holder(changed);
    const auto differences = Compare();
    ASSERT_EQ(differences.size(), 2u);
    EXPECT_EQ(differences[0].kind, Kind::kUnreadable);
    EXPECT_EQ(differences[0].path, "etc/b");
    EXPECT_THAT(differences[0].detail, HasSubstr("opening it"));
    EXPECT_EQ(differences[1], (TreeDifference{Kind::kModified, "etc/c", "content"}));
  }
  EXPECT_THAT(Compare(), ElementsAre(TreeDifference{Kind::kModified, "etc/b", "content"},
                                     TreeDifference{Kind::kModified, "etc/c", "content"}));
}

TEST_F(CompareHostileTest, WithoutDescriptorsNothingIsTakenForADifference) {
  fs::remove(root_ / "etc/b");
  std::ofstream(root_ / "etc/own") << "x";
  for (rlim_t more : {0, 1}) {
    std::vector<TreeDifference> differences;
    {
      const DescriptorLimit limit(more);
      differences = Compare({.with_untracked = true});
    }
    // One descriptor is enough for the directory, and to see what is missing in it.
    const auto deleted = std::count_if(differences.begin(), differences.end(), [](const auto& d) {
      return d.kind == Kind::kDeleted && d.path == "etc/b";
    });
    EXPECT_EQ(deleted, more == 0 ? 0 : 1);
    for (const TreeDifference& difference : differences) {
      if (difference.path == "etc/b" && more > 0) continue;
      if (difference.kind == Kind::kUntracked) continue;
      EXPECT_EQ(difference.kind, Kind::kNotCompared) << difference.path << more;
      EXPECT_THAT(difference.detail, HasSubstr("Too many open files"));
    }
    EXPECT_GE(differences.size(), 3u);
  }
  EXPECT_THAT(Compare(), ElementsAre(TreeDifference{Kind::kDeleted, "etc/b", ""}));
}

TEST_F(CompareHostileTest, WhatAnUnprivilegedAgentMayNotReadIsADifference) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be another account";
  fs::create_directories(root_ / "etc/closed");
  ASSERT_EQ(chmod((root_ / "etc/closed").c_str(), 0700), 0);
  ASSERT_EQ(chmod((root_ / "etc/a").c_str(), 0600), 0);
  manifest_.entries[0].mode = 0100600;
  // The thread's own file-system ids, as of an agent that runs without root.
  ASSERT_EQ(seteuid(kNobody), 0);
  const auto differences = Compare({.with_untracked = true});
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_EQ(differences.size(), 2u);
  EXPECT_EQ(differences[0].kind, Kind::kUnreadable);
  EXPECT_EQ(differences[0].path, "etc/a");
  EXPECT_EQ(differences[1].kind, Kind::kUntracked);
  EXPECT_EQ(differences[1].path, "etc/closed");
  EXPECT_THAT(differences[1].detail, HasSubstr("cannot be read"));
}

// Directories with names of 250 bytes, each in the one before; returns the innermost.
Fd MakeDeep(const fs::path& top, int levels) {
  Fd directory(open(top.c_str(), O_PATH | O_DIRECTORY));
  const std::string name(250, 'd');
  for (int level = 0; level < levels; ++level) {
    EXPECT_EQ(mkdirat(directory.get(), name.c_str(), 0755), 0);
    directory = Fd(openat(directory.get(), name.c_str(), O_PATH | O_DIRECTORY));
  }
  return directory;
}

void Fill(const fs::path& file, const Fd& directory, int links) {
  for (int i = 0; i < links; ++i) {
    const std::string name = absl::StrCat(std::string(240, 'f'), i);
    ASSERT_EQ(linkat(AT_FDCWD, file.c_str(), directory.get(), name.c_str(), 0), 0);
  }
}

int64_t PeakKilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(CompareHostileTest, ManyLongNamesFarDownCostLittleMemoryAndAreCounted) {
  constexpr int kLinks = 30'000;
  std::ofstream(root_ / "own") << "x";
  Fill(root_ / "own", MakeDeep(root_ / "etc", 12), kLinks);
  const int64_t before = PeakKilobytes();
  const auto differences = Compare({.with_untracked = true});
  if (!kAddressSanitizer) {
    EXPECT_LT(PeakKilobytes() - before, 16 << 10) << "the paths alone have 90 MB";
  }
  size_t bytes = 0;
  for (const TreeDifference& difference : differences) bytes += difference.path.size();
  EXPECT_LE(bytes, size_t{1} << 20);
  ASSERT_FALSE(differences.empty());
  EXPECT_EQ(differences.front().path, "");
  EXPECT_EQ(differences.front().unlisted + static_cast<int64_t>(differences.size()) - 1,
            kLinks + 1);
}

TEST_F(CompareHostileTest, DirectoriesBeyondTheLongestPathAreNamedAndNotEntered) {
  std::ofstream(root_ / "own") << "x";
  Fill(root_ / "own", MakeDeep(root_ / "etc", 200), 100);
  fs::remove(root_ / "own");
  const auto differences = Compare({.with_untracked = true});
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_THAT(differences[0].detail, HasSubstr("too long"));
  EXPECT_LT(differences[0].path.size(), 4400u);
}

TEST_F(CompareHostileTest, AComparisonThatIsStoppedEndsWithoutAnAnswer) {
  for (int i = 0; i < 1000; ++i) std::ofstream(root_ / absl::StrCat("own", i)) << "x";
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(
      CompareTree(directory_.get(), manifest_, {.with_untracked = true, .stop = stop.get_token()})
          .status()));
}

TEST_F(CompareHostileTest, AHugeFileThatIsBeingReadDoesNotHoldUpAStop) {
  const fs::path huge = root_ / "etc/a";
  fs::resize_file(huge, int64_t{1} << 40);  // sparse
  manifest_.entries[0].size = int64_t{1} << 40;
  manifest_.entries[0].oid = Oid("something else");
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_TRUE(absl::IsCancelled(
      CompareTree(directory_.get(), manifest_, {.stop = stop.get_token()}).status()));
}

}  // namespace
}  // namespace gitops
