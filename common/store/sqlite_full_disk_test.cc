#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/store/store.h"
#include "common/store/temp_store.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

// Fills the store until it is full, and expects of every write that it happened or changed nothing.
// Returns the key of the first that did not.
std::string FillUp(Store& store) {
  for (int i = 0; i < 10'000; ++i) {
    const std::string key = absl::StrCat("fill/", i);
    absl::Status status = store.Put(key, std::string(4000, 'f')).status();
    if (status.ok()) continue;
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(store.Get(key).status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(store.List("fill/")->size(), static_cast<size_t>(i));
    return key;
  }
  ADD_FAILURE() << "it never was full";
  return "";
}

class LimitFileSize {
 public:
  explicit LimitFileSize(rlim_t bytes) : ignored_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    struct rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~LimitFileSize() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, ignored_);
  }

 private:
  struct rlimit before_;
  void (*ignored_)(int);
};

TEST(SqliteFullDiskTest, AFullDiskFailsWritesUntilThereIsRoom) {
  TempStore temp;
  Store& store = *temp.store();
  int64_t revision = 0;
  {
    LimitFileSize limit(512 << 10);
    const std::string key = FillUp(store);
    revision = store.Get("fill/0")->revision;
    EXPECT_EQ(store.Write({{"fill/0", std::string(4000, 'n')}, {key, std::string(4000, 'n')}})
                  .status()
                  .code(),
              absl::StatusCode::kUnavailable);
    EXPECT_EQ(store.Get("fill/0")->revision, revision);
  }
  EXPECT_GT(*store.Put("fill/0", "room"), revision);
  temp.Reopen();
  EXPECT_EQ(temp.store()->Get("fill/0")->value, "room");
}

TEST(SqliteFullDiskTest, AWriteThatDoesNotFitFailsOnlyItself) {
  TempStore temp;
  Store& store = *temp.store();
  LimitFileSize limit(1 << 20);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5; ++i) {
        if (thread == 0) {
          EXPECT_EQ(store.Put("large", std::string(4 << 20, 'x')).status().code(),
                    absl::StatusCode::kUnavailable);
        } else {
          EXPECT_TRUE(store.Put(absl::StrCat("small/", thread, "/", i), "x").ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.List("small/")->size(), 35u);
  EXPECT_EQ(store.Get("large").status().code(), absl::StatusCode::kNotFound);
}

// The same on a file system of 2 MB, in a mount namespace of the thread's own.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(const std::string& path) : path_(path) {
    ok_ = ::unshare(CLONE_NEWNS) == 0 &&
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
          ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=2m,mode=700") == 0;
  }
  ~SmallFileSystem() {
    if (ok_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool ok() const { return ok_; }
  bool Resize(const char* options) {
    return ::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, options) == 0;
  }

 private:
  std::string path_;
  bool ok_ = false;
};

void FillFileSystem(bool& skipped) {
  TempDirectory directory;
  SmallFileSystem file_system(directory.path());
  if (!file_system.ok()) {
    skipped = true;
    return;
  }
  SqliteStoreOptions options;
  options.path = directory.path() + "/store.db";
  auto store = OpenSqliteStore(options);
  ASSERT_TRUE(store.ok()) << store.status();
  FillUp(**store);
  ASSERT_TRUE(file_system.Resize("size=8m"));
  EXPECT_TRUE((*store)->Put("after", "room").ok());
  EXPECT_EQ((*store)->Get("fill/0")->value.size(), 4000u);
  ASSERT_TRUE((*store)->Write({{"fill/0", std::nullopt}}).ok());
  store->reset();
  store = OpenSqliteStore(options);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Get("after")->value, "room");
}

TEST(SqliteFullDiskTest, AFullFileSystemFailsWritesUntilItGrows) {
  bool skipped = false;
  // unshare changes the calling thread alone.
  std::thread([&skipped] { FillFileSystem(skipped); }).join();
  if (skipped) GTEST_SKIP() << "may not mount here: needs root";
}

}  // namespace
}  // namespace gitops
