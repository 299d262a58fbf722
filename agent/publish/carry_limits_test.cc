#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/publish/carry_test_base.h"
#include "agent/publish/untracked.h"
#include "common/path/directory_names.h"

namespace {

// Bytes that are allocated by new, and their maximum.
std::atomic<int64_t> g_live{0}, g_peak{0};

void* Allocate(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  const int64_t live = g_live += static_cast<int64_t>(::malloc_usable_size(memory));
  if (live > g_peak) g_peak = live;
  return memory;
}

void Release(void* memory) {
  if (memory != nullptr) g_live -= static_cast<int64_t>(::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete(void* memory, size_t) noexcept { Release(memory); }

namespace gitops {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CarryLimitsTest : public CarryTest {
 protected:
  // Makes `levels` directories, each in the one before, and returns the last one.
  Fd MakeChain(const std::string& top, int levels, const std::string& name) const {
    Fd at = Open(top);
    for (int i = 0; i < levels; ++i) {
      EXPECT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
      at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return at;
  }
  // Gives the file `name` further names, until there are `count` or the file system allows no more.
  static int AddNames(int directory, const std::string& name, int count, const std::string& fill) {
    int names = 1;
    for (; names < count; ++names) {
      const std::string further = absl::StrCat(names, fill);
      if (::linkat(directory, name.c_str(), directory, further.c_str(), 0) != 0) {
        EXPECT_EQ(errno, EMLINK);
        break;
      }
    }
    return names;
  }
  int64_t DiskUse() const {
    int64_t blocks = 0;
    struct stat stat = {};
    for (const auto& node : fs::recursive_directory_iterator(box_.path())) {
      if (::lstat(node.path().c_str(), &stat) == 0) blocks += stat.st_blocks;
    }
    return blocks * 512;
  }
};

TEST_F(CarryLimitsTest, MoreFilesThanAllowedAreALimitThatNamesTheFullestDirectory) {
  budget_->max_files = 20;
  box_.Write("old/few/file", "x");
  for (int i = 0; i < 30; ++i) box_.Write(absl::StrCat("old/few/cache/", i), "x");
  const absl::Status status = New()->CopyAll();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("more than 20 (max_untracked_files)"));
  EXPECT_THAT(status.message(),
              HasSubstr("the fullest directory is \"/etc/service/few/cache\", with 30"));
}

TEST_F(CarryLimitsTest, TheLimitIsForAllPlacesOfAPublicationTogether) {
  budget_->max_files = 5;
  for (int i = 0; i < 3; ++i) box_.Write(absl::StrCat("old/", i), "x");
  EXPECT_EQ(New()->CopyAll(), absl::OkStatus());
  EXPECT_EQ(New()->CopyAll().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(CarryLimitsTest, TheFullestDirectoryIsThatOfAllWhereverTheLimitIsReached) {
  budget_->max_files = 20;
  for (const auto& [name, files] : std::map<std::string, int>{{"a", 15}, {"b", 60}, {"c", 16}}) {
    for (int i = 0; i < files; ++i) box_.Write(absl::StrCat("old/", name, "/in/", i), "x");
  }
  EXPECT_THAT(New()->CopyAll().message(), HasSubstr("\"/etc/service/b/in\", with 60 entries"));
}

TEST_F(CarryLimitsTest, TheFullestDirectoryMayBeThatOfAPlaceThatCameBefore) {
  budget_->max_files = 20;
  for (int i = 0; i < 18; ++i) box_.Write(absl::StrCat("old/full/", i), "x");
  EXPECT_EQ(New()->CopyAll(), absl::OkStatus());
  fs::remove_all(box_ / "old/full");
  for (int i = 0; i < 5; ++i) box_.Write(absl::StrCat("old/", i), "x");
  CarryOver::Request other = RequestWith({});
  other.local = "/etc/other";
  EXPECT_THAT(CarryOver(std::move(other)).CopyAll().message(),
              HasSubstr("\"/etc/service/full\", with 18 entries"));
}

TEST_F(CarryLimitsTest, AFileThatCanHaveNoFurtherNameIsALimitThatNamesTheFullestDirectory) {
  for (int i = 0; i < 3; ++i) box_.Write(absl::StrCat("old/few/", i), "x");
  for (int i = 0; i < 9; ++i) box_.Write(absl::StrCat("old/many/in/", i), "x");
  const CarryHooks hooks = {.link = [](int, int, const std::string&) { return EMLINK; },
                            .placing = {}};
  const absl::Status status = New(hooks)->CopyAll();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("\"/etc/service/many/in\", with 9 entries"));
}

TEST_F(CarryLimitsTest, LevelsAndBytesOfAPathAreLimits) {
  MakeChain("old", 128, "d");
  EXPECT_EQ(New()->CopyAll(), absl::OkStatus());
  fs::remove_all(box_ / "old/d");
  MakeChain("old", 129, "d");
  EXPECT_THAT(New()->CopyAll().message(), HasSubstr("more than 128 levels deep"));
  fs::remove_all(box_ / "old/d");
  MakeChain("old", 17, std::string(250, 'd'));
  const absl::Status status = New()->CopyAll();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("a path of more than 4095 bytes"));
  EXPECT_LT(status.message().size(), 1200u);
}

TEST_F(CarryLimitsTest, AFewDescriptorsAreEnoughAtAnyDepth) {
  const Fd last = MakeChain("old", 120, "d");
  ::close(::openat(last.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  auto carry = New();
  struct rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit few = {32, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const absl::Status status = carry->CopyAll();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(box_ / "new"), {}), 121);
}

TEST_F(CarryLimitsTest, NamesThatAreNotUtf8AreEscapedInMessages) {
  budget_->max_files = 3;
  for (int i = 0; i < 3; ++i) box_.Write(absl::StrCat("old/caf\xe9/", i), "x");
  EXPECT_THAT(New()->CopyAll().message(), HasSubstr("caf\\xe9"));
}

TEST_F(CarryLimitsTest, ManyNamesOfALargeSparseFileUseNoDisk) {
  box_.Write("old/file", "");
  fs::resize_file(box_ / "old/file", uint64_t{1} << 40);
  const Fd old = Open("old");
  AddNames(old.get(), "file", 65'000, "");
  const int64_t before = DiskUse();
  const absl::Status status = New()->CopyAll();
  if (!status.ok()) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(status.message(), HasSubstr("has as many names (hard links)"));
    EXPECT_THAT(status.message(), HasSubstr("the fullest directory is \"/etc/service\""));
  }
  EXPECT_LT(DiskUse() - before, 16 << 20) << "directories only";
}

TEST_F(CarryLimitsTest, AFileThatCannotBeLinkedIsCopiedOnceForAllItsNamesAndWithItsHoles) {
  box_.Write("old/file", "x");
  fs::resize_file(box_ / "old/file", uint64_t{1} << 40);
  const Fd old = Open("old");
  AddNames(old.get(), "file", 1000, "");
  const int64_t before = DiskUse();
  const absl::Status status =
      New({.link = [](int, int, const std::string&) { return EPERM; }, .placing = {}})->CopyAll();
  EXPECT_EQ(status, absl::OkStatus());
  struct stat file = {}, other = {};
  ASSERT_EQ(::stat((box_ / "new/file").c_str(), &file), 0);
  ASSERT_EQ(::stat((box_ / "new/999").c_str(), &other), 0);
  EXPECT_EQ(file.st_ino, other.st_ino);
  EXPECT_EQ(file.st_nlink, 1000u);
  EXPECT_LT(DiskUse() - before, 16 << 20);
}

TEST_F(CarryLimitsTest, MemoryIsAFewMegabytesForManyLinksInDeepDirectories) {
  const std::string name(250, 'd');
  const Fd deep = MakeChain("old", 14, name);
  ::close(::openat(deep.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  ASSERT_EQ(AddNames(deep.get(), "file", 30'000, std::string(200, 'f')), 30'000);
  auto carry = New();
  const int64_t before = g_live;
  g_peak = before;
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  // The directory has changed, so that the second pass visits it.
  ::unlinkat(deep.get(), "file", 0);
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  const int64_t used = g_peak - before;
  RecordProperty("bytes", std::to_string(used));
  std::printf("30,000 links: %ld bytes at most\n", used);
  EXPECT_LT(used, 6 << 20);
}

TEST_F(CarryLimitsTest, MemoryStaysSmallWhereTheDirectoriesAreTooDeep) {
  const Fd deep = MakeChain("old", 200, std::string(250, 'd'));
  ::close(::openat(deep.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  AddNames(deep.get(), "file", 1000, std::string(200, 'f'));
  auto carry = New();
  const int64_t before = g_live;
  g_peak = before;
  EXPECT_EQ(carry->CopyAll().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(g_peak - before, 1 << 20);
}

TEST_F(CarryLimitsTest, ItEndsSoonAfterItIsAskedTo) {
  for (int i = 0; i < 600; ++i) box_.Write(absl::StrCat("old/", i), "x");
  int links = 0;
  CarryHooks hooks;
  hooks.link = [&](int file, int directory, const std::string& name) {
    if (++links == 10) stop_.request_stop();
    const std::string path = absl::StrCat("/proc/self/fd/", file);
    return ::linkat(AT_FDCWD, path.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0
               ? 0
               : errno;
  };
  EXPECT_EQ(New(hooks)->CopyAll().code(), absl::StatusCode::kCancelled);
  EXPECT_LE(links, 257);
}

TEST_F(CarryLimitsTest, WhatChangedDuringTheExchangeIsCarriedOverAlsoAfterAskingToStop) {
  auto carry = New();
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  for (int i = 0; i < 300; ++i) box_.Write(absl::StrCat("old/", i), "x");
  stop_.request_stop();
  EXPECT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_EQ(std::distance(fs::directory_iterator(box_ / "new"), {}), 300);
}

TEST_F(CarryLimitsTest, StaleFilesOfARollbackTargetThatAreTooManyMakeItBeWrittenAnew) {
  budget_->max_files = 100;
  for (int i = 0; i < 200; ++i) box_.Write(absl::StrCat("new/stale/", i), "x");
  EXPECT_EQ(New()->CopyAll().code(), absl::StatusCode::kAborted);
}

TEST_F(CarryLimitsTest, DeepDirectoriesInARollbackTargetAreNoObstacle) {
  MakeChain("new", 300, std::string(100, 'd'));
  box_.Write("old/file", "x");
  EXPECT_EQ(New()->CopyAll(), absl::OkStatus());
  EXPECT_EQ(std::distance(fs::directory_iterator(box_ / "new"), {}), 1);
}

TEST_F(CarryLimitsTest, AFailureToOpenOrListIsNotTakenForAbsence) {
  box_.Write("old/dir/file", "x");
  const Fd old = Open("old");
  struct rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {3, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status opened = OpenDirectory(old.get(), "dir").status();
  const absl::Status listed =
      ForEachEntry(old.get(), [](const DirectoryEntry&) { return absl::OkStatus(); });
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_FALSE(opened.ok() || absl::IsNotFound(opened)) << opened;
  EXPECT_FALSE(listed.ok());
  EXPECT_TRUE(absl::IsNotFound(OpenDirectory(old.get(), "dir/file").status()));
}

TEST_F(CarryLimitsTest, AnErrorOfListingRemovesNothing) {
  box_.Write("old/dir/file", "x");
  auto carry = New();
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  box_.Write("old/dir/late", "x");
  const Fd above = Open("old");
  // From now on no further descriptor can be opened.
  struct rlimit limit = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {3, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = carry->CopyChanged();
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(box_.Has("new/dir/file"));
}

}  // namespace
}  // namespace gitops
