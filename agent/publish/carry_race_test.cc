#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/publish/carry_test_base.h"
#include "common/path/remove_tree.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kAttacker = 54321;
constexpr int kRounds = 200;
constexpr int kBatches = 10;  // after each of which what happened is checked
constexpr char kSecret[] = "what only root may read";

// The service's account, which changes the directories as fast as it can: as a thread with its own
// credentials, and with both directories open, as a process of it may hold them from before.
class Attacker {
 public:
  Attacker(int one, int other, std::string outside)
      : roots_{one, other}, outside_(std::move(outside)), thread_([this] { Run(); }) {}
  ~Attacker() {
    done_ = true;
    thread_.join();
  }
  int64_t changes() const { return changes_; }

 private:
  void Run() {
    if (::syscall(SYS_setresgid, kAttacker, kAttacker, kAttacker) != 0 ||
        ::syscall(SYS_setresuid, kAttacker, kAttacker, kAttacker) != 0) {
      ADD_FAILURE() << "cannot become another account";
    }
    while (!done_) Change();
  }

  uint32_t Below(uint32_t end) { return static_cast<uint32_t>(random_()) % end; }

  // One to three of few names, so that most of them exist.
  std::string Path() {
    std::string path(1, static_cast<char>('a' + Below(3)));
    for (uint32_t more = Below(3); more > 0; --more) {
      absl::StrAppend(&path, "/", std::string(1, static_cast<char>('a' + Below(3))));
    }
    return path;
  }

  void Change() {
    const int root = roots_[Below(2)], other = roots_[Below(2)];
    const std::string path = Path(), to = Path();
    int done = -1;
    switch (Below(9)) {
      case 0:
        done = ::mkdirat(root, path.c_str(), 0777);
        break;
      case 1:
        done = ::symlinkat((outside_ + (Below(2) == 0 ? "" : "/a")).c_str(), root, path.c_str());
        break;
      case 2:
        done = ::renameat(root, path.c_str(), other, to.c_str());
        break;
      case 3:
        done = ::renameat2(root, path.c_str(), other, to.c_str(), RENAME_EXCHANGE);
        break;
      case 4:
        done = ::unlinkat(root, path.c_str(), AT_REMOVEDIR);
        break;
      case 5:
        done = ::unlinkat(root, path.c_str(), 0);
        break;
      case 6:
        done = ::mkfifoat(root, path.c_str(), 0666);
        break;
      case 7:
        done = ::linkat(root, path.c_str(), other, to.c_str(), 0);
        break;
      default:
        done = ::openat(root, path.c_str(), O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0666);
        if (done >= 0) {
          if (::write(done, "mine", 4) < 0) done = -1;
          if (done >= 0) ::close(done);
        }
    }
    if (done >= 0) ++changes_;
  }

  const int roots_[2];
  const std::string outside_;
  std::minstd_rand random_{1};
  std::atomic<bool> done_{false};
  std::atomic<int64_t> changes_{0};
  std::thread thread_;  // last: it uses the others
};

class CarryRaceTest : public CarryTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can start a thread of another account";
    for (const char* name : {"old", "new"}) {
      ASSERT_EQ(::chown((box_ / name).c_str(), kAttacker, kAttacker), 0);
    }
    // With the attacker's names, so that whoever follows a symlink to it has something to do.
    for (const char* name : {"a/a", "a/b", "b/a", "c"}) {
      box_.Write(absl::StrCat("outside/", name), kSecret);
    }
    for (const auto& node : fs::recursive_directory_iterator(box_ / "outside")) {
      ASSERT_EQ(::chmod(node.path().c_str(), node.is_directory() ? 0700 : 0600), 0);
    }
    ASSERT_EQ(::chmod((box_ / "outside").c_str(), 0700), 0);
    before_ = Outside();
  }

  // All that a link, a change of owner or mode, a removal or a new name would change.
  std::string Outside() const {
    std::string all;
    struct stat stat = {};
    for (const std::string& path :
         {box_ / "outside", box_ / "outside/a", box_ / "outside/b", box_ / "outside/a/a",
          box_ / "outside/a/b", box_ / "outside/b/a", box_ / "outside/c"}) {
      EXPECT_EQ(::lstat(path.c_str(), &stat), 0) << path;
      absl::StrAppend(&all, stat.st_ino, " ", stat.st_nlink, " ", stat.st_mode, " ", stat.st_uid,
                      " ", stat.st_ctim.tv_sec, ".", stat.st_ctim.tv_nsec, "\n");
    }
    return all;
  }
  // Whether content of outside was copied to where the attacker can read it.
  bool HasSecret(const std::string& name) const {
    for (const auto& node : fs::recursive_directory_iterator(box_ / name)) {
      const std::string path = node.path().lexically_relative(box_.path());
      if (node.is_symlink() || !node.is_regular_file()) continue;
      if (absl::StrContains(box_.Read(path), kSecret)) return true;
    }
    return false;
  }
  // Returns whether nothing had to be given up.
  bool CarryBothTimes(const CarryHooks& hooks) const {
    const auto carry = New(hooks);
    const absl::Status status = carry->CopyAll();
    EXPECT_TRUE(status.ok() || absl::IsAborted(status)) << status;
    if (status.ok()) EXPECT_EQ(carry->CopyChanged(), absl::OkStatus());
    return status.ok();
  }
  void Clear(const std::string& name) const {
    const Fd directory = Open(name);
    for (const auto& node : fs::directory_iterator(box_ / name)) {
      EXPECT_EQ(RemoveTreeAt(directory.get(), node.path().filename()), absl::OkStatus());
    }
  }

  std::string before_;
};

TEST_F(CarryRaceTest, NothingOutsideIsReadLinkedOrChangedWhileTheServiceReplacesItsDirectories) {
  int carried = 0;
  int64_t changes = 0;
  for (int batch = 0; batch < kBatches; ++batch) {
    {
      const Fd old = Open("old"), next = Open("new");
      Attacker attacker(old.get(), next.get(), box_ / "outside");
      while (attacker.changes() < 50) std::this_thread::yield();
      for (int round = 0; round < kRounds / kBatches; ++round) {
        CarryHooks hooks;
        if (round % 2 == 1) hooks.link = [](int, int, const std::string&) { return EPERM; };
        carried += CarryBothTimes(hooks);
      }
      changes += attacker.changes();
    }
    ASSERT_EQ(Outside(), before_) << "batch " << batch;
    ASSERT_FALSE(HasSecret("new") || HasSecret("old")) << "batch " << batch;
    ASSERT_TRUE(fs::is_empty(box_ / "stage"));
    Clear("old");
    Clear("new");
  }
  EXPECT_GT(carried, 0);
  EXPECT_GT(changes, kRounds);
}

TEST_F(CarryRaceTest, NothingOutsideIsRemovedWhileTheServiceReplacesWhatIsRemoved) {
  int removed = 0;
  for (int round = 0; round < kRounds / 2; ++round) {
    fs::create_directories(box_ / "new/a/b/c");
    ASSERT_EQ(::chown((box_ / "new/a").c_str(), kAttacker, kAttacker), 0);
    ASSERT_EQ(::chown((box_ / "new/a/b").c_str(), kAttacker, kAttacker), 0);
    const Fd old = Open("old"), next = Open("new");
    {
      Attacker attacker(old.get(), next.get(), box_ / "outside");
      while (attacker.changes() < 50) std::this_thread::yield();
      for (const char* name : {"a", "b", "c"}) {
        int64_t entries = 10'000;
        removed += RemoveTreeAt(next.get(), name, {.stop = {}, .entries = &entries}).ok();
      }
    }
    ASSERT_EQ(Outside(), before_) << "round " << round;
    Clear("new");
    Clear("old");
  }
  EXPECT_GT(removed, kRounds / 2);
}

}  // namespace
}  // namespace gitops
