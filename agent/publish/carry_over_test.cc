#include "agent/publish/carry_over.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "agent/publish/carry_test_base.h"
#include "agent/publish/copy_node.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;

class CarryOverTest : public CarryTest {
 protected:
  void Write(const std::string& path, const std::string& content) const {
    box_.Write(path, content);
  }
  std::string Read(const std::string& path) const {
    if (!fs::is_regular_file(fs::symlink_status(root_ / path))) return "(none)";
    std::ostringstream text;
    text << std::ifstream(root_ / path).rdbuf();
    return text.str();
  }
  bool Exists(const std::string& path) const {
    return fs::exists(fs::symlink_status(root_ / path));
  }
  struct stat Stat(const std::string& path) const {
    struct stat stat = {};
    EXPECT_EQ(::lstat((root_ / path).c_str(), &stat), 0) << path;
    return stat;
  }

  static Manifest Tracking(const std::vector<std::string>& paths) {
    Manifest manifest;
    for (const std::string& path : paths) manifest.entries.push_back({.path = path});
    return manifest;
  }
  std::unique_ptr<CarryOver> New(const std::vector<std::string>& old_tracked,
                                 const std::vector<std::string>& new_tracked,
                                 std::vector<std::string> excluded = {},
                                 CarryHooks hooks = {}) const {
    CarryOver::Request request = RequestWith(std::move(hooks));
    request.tracked_from = TrackedPaths::Of(Tracking(old_tracked), ".");
    request.tracked_to = TrackedPaths::Of(Tracking(new_tracked), ".");
    request.excluded = std::move(excluded);
    request.revisions = "/srv/revisions";
    return std::make_unique<CarryOver>(std::move(request));
  }

  const fs::path root_ = box_.path();
};

TEST_F(CarryOverTest, UntrackedFilesComeAlongWithAllThatBelongsToThem) {
  Write("old/made", "by the service");
  ASSERT_EQ(::chmod((root_ / "old/made").c_str(), 0640), 0);
  ASSERT_EQ(::setxattr((root_ / "old/made").c_str(), "user.note", "x", 1, 0), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown((root_ / "old/made").c_str(), 123, 456), 0);
  }
  const timespec times[] = {{1000, 5}, {2000, 7}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "old/made").c_str(), times, 0), 0);
  fs::create_symlink("/nowhere", root_ / "old/dangling");
  ASSERT_EQ(::mkfifo((root_ / "old/fifo").c_str(), 0600), 0);
  fs::create_directories(root_ / "old/dir/empty");
  ASSERT_EQ(::chmod((root_ / "old/dir").c_str(), 0750), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "old/dir").c_str(), times, 0), 0);
  Write("old/tracked/beside", "kept");

  ASSERT_EQ(New({"tracked/file"}, {"tracked/file"})->CopyAll(), absl::OkStatus());

  EXPECT_EQ(Read("new/made"), "by the service");
  const struct stat made = Stat("new/made"), old = Stat("old/made");
  EXPECT_EQ(made.st_mode, old.st_mode);
  EXPECT_EQ(made.st_uid, old.st_uid);
  EXPECT_EQ(made.st_gid, old.st_gid);
  EXPECT_EQ(made.st_mtim.tv_sec, 2000);
  EXPECT_EQ(made.st_mtim.tv_nsec, 7);
  EXPECT_EQ(made.st_ino, old.st_ino);
  char value = 0;
  EXPECT_EQ(::getxattr((root_ / "new/made").c_str(), "user.note", &value, 1), 1);
  EXPECT_EQ(value, 'x');
  EXPECT_EQ(fs::read_symlink(root_ / "new/dangling"), "/nowhere");
  EXPECT_TRUE(S_ISFIFO(Stat("new/fifo").st_mode));
  EXPECT_EQ(Stat("new/dir").st_mode & 07777, 0750u);
  EXPECT_EQ(Stat("new/dir").st_mtim.tv_sec, 2000);
  EXPECT_TRUE(fs::is_directory(root_ / "new/dir/empty"));
  EXPECT_EQ(Read("new/tracked/beside"), "kept");
}

TEST_F(CarryOverTest, SocketsStayBehindWithoutHarm) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/cwd/carry-%d", ::getpid());
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::rename(address.sun_path, root_ / "old/socket");
  ::close(socket);
  Write("old/made", "x");
  ASSERT_EQ(New({}, {})->CopyAll(), absl::OkStatus());
  EXPECT_FALSE(Exists("new/socket"));
  EXPECT_EQ(Read("new/made"), "x");
}

TEST_F(CarryOverTest, TheRepositoryWinsAndTrackedFilesAreNotCarried) {
  Write("old/changed", "drift");       // tracked by both, changed
  Write("old/dropped", "was theirs");  // tracked by old, deleted in new
  Write("old/adopted", "service's");   // untracked, tracked by new
  Write("old/became_dir", "service's");
  Write("old/became_file/x", "service's");
  Write("new/changed", "theirs");
  Write("new/adopted", "theirs");
  Write("new/became_dir/f", "theirs");
  Write("new/became_file", "theirs");
  ASSERT_EQ(
      New({"changed", "dropped"}, {"changed", "adopted", "became_dir/f", "became_file"})->CopyAll(),
      absl::OkStatus());
  EXPECT_EQ(Read("new/changed"), "theirs");
  EXPECT_FALSE(Exists("new/dropped"));
  EXPECT_EQ(Read("new/adopted"), "theirs");
  EXPECT_EQ(Read("new/became_dir/f"), "theirs");
  EXPECT_EQ(Read("new/became_file"), "theirs");
}

TEST_F(CarryOverTest, StaleUntrackedFilesOfTheNewRevisionGiveWay) {
  Write("old/made", "newer");
  Write("old/now_file", "newer");
  Write("old/now_dir/x", "newer");
  Write("new/made", "stale");
  Write("new/deleted_since", "stale");
  Write("new/dir_deleted_since/x", "stale");
  Write("new/now_file/x", "stale");
  Write("new/now_dir", "stale");
  Write("new/tracked", "theirs");
  Write("new/held/tracked", "theirs");
  Write(absl::StrCat("new/", kUnfinishedPrefix, "x"), "rest of a crash");
  Write("new/inner/place/untouched", "covered by another place");
  ASSERT_EQ(New({"tracked"}, {"tracked", "held/tracked"}, {"inner/place"})->CopyAll(),
            absl::OkStatus());
  EXPECT_EQ(Read("new/made"), "newer");
  EXPECT_EQ(Read("new/now_file"), "newer");
  EXPECT_EQ(Read("new/now_dir/x"), "newer");
  EXPECT_FALSE(Exists("new/deleted_since"));
  EXPECT_FALSE(Exists("new/dir_deleted_since"));
  EXPECT_FALSE(Exists(absl::StrCat("new/", kUnfinishedPrefix, "x")));
  EXPECT_EQ(Read("new/tracked"), "theirs");
  EXPECT_EQ(Read("new/held/tracked"), "theirs");
  EXPECT_TRUE(Exists("new/inner/place/untouched"));
}

TEST_F(CarryOverTest, WhoHasAFileOpenGoesOnWritingToWhatTheNewRevisionShows) {
  Write("old/log/service.log", "before\n");
  std::ofstream service(root_ / "old/log/service.log", std::ios::app);
  auto carry = New({}, {});
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  service << "between\n" << std::flush;
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  service << "after\n" << std::flush;
  EXPECT_EQ(Read("new/log/service.log"), "before\nbetween\nafter\n");
  EXPECT_EQ(Stat("new/log/service.log").st_ino, Stat("old/log/service.log").st_ino);
}

TEST_F(CarryOverTest, ALargeFileIsNotCopied) {
  Write("old/large", "");
  fs::resize_file(root_ / "old/large", uint64_t{1} << 40);
  auto carry = New({}, {});
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_EQ(Stat("new/large").st_ino, Stat("old/large").st_ino);
}

TEST_F(CarryOverTest, GoingBackToARevisionThatHasTheSameFilesLeavesNothingElse) {
  Write("old/dir/made", "mine");
  ASSERT_EQ(New({}, {})->CopyAll(), absl::OkStatus());
  fs::rename(root_ / "old", root_ / "swap");
  fs::rename(root_ / "new", root_ / "old");
  fs::rename(root_ / "swap", root_ / "new");
  Write("old/dir/made", "newer");
  ASSERT_EQ(New({}, {})->CopyAll(), absl::OkStatus());
  EXPECT_EQ(Read("new/dir/made"), "newer");
  EXPECT_EQ(Stat("new/dir/made").st_nlink, 2u);
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(root_ / "new"), {}), 2);
}

TEST_F(CarryOverTest, TheSecondPassTakesOverWhatChangedDuringTheExchange) {
  Write("old/same", "1");
  Write("old/rewritten", "1");
  Write("old/renamed_over", "1");
  Write("old/removed", "1");
  Write("old/both", "1");
  Write("old/log", "1");
  Write("old/removed_in_new", "1");
  Write("old/dir/removed", "1");
  auto carry = New({}, {});
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  const ino_t same = Stat("new/same").st_ino;

  Write("old/rewritten", "22");
  Write("old/late", "new");
  Write("old/late_dir/x", "new");
  Write("old/tmp", "new");
  fs::rename(root_ / "old/tmp", root_ / "old/renamed_over");
  Write("old/log", "written, then rotated");
  fs::rename(root_ / "old/log", root_ / "old/log.1");
  Write("old/log", "fresh");
  Write("old/tmp", "old side");
  fs::rename(root_ / "old/tmp", root_ / "old/both");
  fs::remove(root_ / "new/both");
  Write("new/both", "new side");
  Write("new/only_new", "after the exchange");
  fs::remove(root_ / "old/removed");
  fs::remove(root_ / "new/removed_in_new");
  fs::remove_all(root_ / "old/dir");
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());

  EXPECT_EQ(Stat("new/same").st_ino, same);
  EXPECT_EQ(Read("new/rewritten"), "22");
  EXPECT_EQ(Read("new/renamed_over"), "new");
  EXPECT_EQ(Read("new/late"), "new");
  EXPECT_EQ(Stat("new/late").st_ino, Stat("old/late").st_ino);
  EXPECT_EQ(Read("new/late_dir/x"), "new");
  EXPECT_EQ(Read("new/log"), "fresh");
  EXPECT_EQ(Read("new/log.1"), "written, then rotated");
  EXPECT_EQ(Read("new/both"), "new side");
  EXPECT_EQ(Read("new/only_new"), "after the exchange");
  EXPECT_FALSE(Exists("new/removed_in_new"));
  EXPECT_FALSE(Exists("new/removed"));
  EXPECT_FALSE(Exists("new/dir"));
  EXPECT_FALSE(Exists("new/tmp"));
}

TEST_F(CarryOverTest, WhatTheServiceWroteToTheNewRevisionIsNotRemovedOrReplaced) {
  Write("old/removed", "1");
  Write("old/replaced", "1");
  auto carry = New({}, {});
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  fs::remove(root_ / "old/removed");
  Write("old/tmp", "old side");
  fs::rename(root_ / "old/tmp", root_ / "old/replaced");
  for (const char* path : {"new/removed", "new/replaced"}) {
    const int64_t before = Stat(path).st_ctim.tv_nsec;
    // The clock of the file system is coarse: until the write can be told from the removal.
    while (Stat(path).st_ctim.tv_nsec == before) Write(path, "new side");
  }
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_EQ(Read("new/removed"), "new side");
  EXPECT_EQ(Read("new/replaced"), "new side");
}

TEST_F(CarryOverTest, WhereNothingCanBeLinkedCopiesAreMadeAndKeptUpToDate) {
  Write("old/same", "1");
  Write("old/rewritten", "1");
  Write("old/both", "1");
  Write("old/removed", "1");
  auto carry =
      New({}, {}, {}, {.link = [](int, int, const std::string&) { return EPERM; }, .placing = {}});
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  const ino_t same = Stat("new/same").st_ino;
  Write("old/rewritten", "22");
  Write("old/both", "old side");
  Write("new/both", "new side");
  fs::remove(root_ / "old/removed");
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_NE(same, Stat("old/same").st_ino);
  EXPECT_EQ(Stat("new/same").st_ino, same);
  EXPECT_EQ(Read("new/rewritten"), "22");
  EXPECT_EQ(Read("new/both"), "new side");
  EXPECT_FALSE(Exists("new/removed"));
}

TEST_F(CarryOverTest, ADirectoryWithOtherPermissionsIsMadeAnewAndNotChanged) {
  Write("old/dir/file", "mine");
  Write("new/dir/file", "stale");
  Write("new/dir/other", "stale");
  ASSERT_EQ(::chmod((root_ / "old/dir").c_str(), 0777), 0);
  ASSERT_EQ(::chmod((root_ / "new/dir").c_str(), 0700), 0);
  const Fd former(::open((root_ / "new/dir").c_str(), O_RDONLY | O_DIRECTORY));
  auto carry = New({}, {});
  ASSERT_EQ(carry->CopyAll(), absl::OkStatus());
  struct stat stat = {};
  ASSERT_EQ(::fstat(former.get(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0700u);
  EXPECT_EQ(Stat("new/dir").st_mode & 07777, 0777u);
  EXPECT_EQ(Read("new/dir/file"), "mine");
  EXPECT_FALSE(Exists("new/dir/other"));

  // What the service does to it after the exchange stays as it is.
  ASSERT_EQ(::chmod((root_ / "new/dir").c_str(), 0711), 0);
  Write("old/dir/late", "x");
  ASSERT_EQ(carry->CopyChanged(), absl::OkStatus());
  EXPECT_EQ(Stat("new/dir").st_mode & 07777, 0711u);
  EXPECT_FALSE(Exists("new/dir/late"));
}

TEST_F(CarryOverTest, ASymlinkSwappedInDuringTheCarryOverGetsNothing) {
  Write("outside/victim", "root's");
  ASSERT_EQ(::chmod((root_ / "outside").c_str(), 0700), 0);
  ASSERT_EQ(::chmod((root_ / "outside/victim").c_str(), 0600), 0);
  Write("old/dir/victim", "the service's");
  Write("old/file", "the service's");
  for (const char* path : {"old/dir", "old/dir/victim", "old/file"}) {
    ASSERT_EQ(::chmod((root_ / path).c_str(), 0777), 0);
    if (::geteuid() == 0) ASSERT_EQ(::chown((root_ / path).c_str(), 123, 456), 0);
  }
  CarryHooks swap;
  swap.link = [](int, int, const std::string&) { return EPERM; };
  swap.placing = [this](int directory, const std::string& name) {
    const bool is_file = name == "file";
    ASSERT_EQ(::symlinkat((root_ / (is_file ? "outside/victim" : "outside")).c_str(), directory,
                          name.c_str()),
              0);
  };
  const absl::Status status = New({}, {}, {}, swap)->CopyAll();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
  EXPECT_EQ(Stat("outside").st_mode & 07777, 0700u);
  EXPECT_EQ(Stat("outside").st_uid, ::geteuid());
  EXPECT_EQ(Stat("outside/victim").st_mode & 07777, 0600u);
  EXPECT_EQ(Stat("outside/victim").st_uid, ::geteuid());
  EXPECT_EQ(Read("outside/victim"), "root's");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "outside"), {}), 1);
}

TEST_F(CarryOverTest, ASymlinkIntoARevisionIsNotCarriedNorKept) {
  fs::create_symlink("/srv/revisions/r1/inner", root_ / "old/inner");
  fs::create_symlink("/srv/revisions/r0/inner", root_ / "new/inner");
  fs::create_symlink("/srv/revisions-of-others", root_ / "old/other");
  ASSERT_EQ(New({}, {})->CopyAll(), absl::OkStatus());
  EXPECT_FALSE(Exists("new/inner"));
  EXPECT_TRUE(Exists("new/other"));
}

TEST_F(CarryOverTest, ASymlinkPlantedInTheNewRevisionIsNotFollowed) {
  fs::create_directories(root_ / "outside");
  fs::create_symlink(root_ / "outside", root_ / "new/dir");
  Write("old/dir/file", "secret");
  ASSERT_EQ(New({}, {})->CopyAll(), absl::OkStatus());
  EXPECT_TRUE(fs::is_empty(root_ / "outside"));
  EXPECT_EQ(Read("new/dir/file"), "secret");
}

}  // namespace
}  // namespace gitops
