#include "agent/revision/revision.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// `printf one | git hash-object --stdin`
constexpr char kOneOid[] = "43dd47ea691c90a5fa7827892c70241913351963";

class RevisionStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
    Reopen();
  }

  void Reopen() {
    store_.reset();
    auto store = RevisionStore::Open(root_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  static void Fill(RevisionStore::Writer* writer) {
    ASSERT_EQ(mkdirat(writer->directory(), "etc", 0755), 0);
    const Fd file(openat(writer->directory(), "etc/a", O_CREAT | O_WRONLY, 0600));
    ASSERT_EQ(write(file.get(), "one", 3), 3);
    ASSERT_EQ(symlinkat("a", writer->directory(), "etc/b"), 0);
    writer->Add({.path = "etc/b", .mode = 0120000, .oid = "22"});
    writer->Add({.path = "etc/a", .mode = 0100644, .oid = kOneOid});
    writer->Cover({"etc"});
  }

  void Write(const std::string& revision, bool replace = false) {
    auto writer = store_->Write(revision, replace);
    ASSERT_TRUE(writer.ok()) << writer.status();
    Fill(writer->get());
    const absl::Status status = (*writer)->Finish(-1, -1);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string root_;
  std::unique_ptr<RevisionStore> store_;
};

TEST_F(RevisionStoreTest, ACommittedRevisionIsReadyWithItsManifest) {
  Write("aaaa");
  EXPECT_TRUE(store_->Has("aaaa"));
  const auto manifest = store_->ReadManifest("aaaa");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_THAT(manifest->covers, ElementsAre("etc"));
  ASSERT_EQ(manifest->entries.size(), 2u);
  EXPECT_EQ(manifest->entries[0].path, "etc/a");
  EXPECT_EQ(manifest->entries[0].size, 3);
  struct stat stat {};
  ASSERT_EQ(lstat((root_ + "/aaaa/etc/a").c_str(), &stat), 0);
  EXPECT_EQ(manifest->entries[0].inode, stat.st_ino);
  EXPECT_EQ(stat.st_mode & 07777, 0644u) << "another umask must not show";
  EXPECT_THAT(Files(), ElementsAre("aaaa", "aaaa.manifest"));
}

TEST_F(RevisionStoreTest, AWriterThatIsDroppedLeavesNothing) {
  {
    auto writer = store_->Write("aaaa");
    ASSERT_TRUE(writer.ok());
    Fill(writer->get());
  }
  EXPECT_FALSE(store_->Has("aaaa"));
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(RevisionStoreTest, AWriteThatWasKilledIsRemovedWhenTheStoreIsOpened) {
  fs::create_directories(root_ + "/.new-7/etc");
  std::ofstream(root_ + "/.new-7.manifest") << "x";
  std::ofstream(root_ + "/bbbb.manifest") << "gitops-manifest 1\nsequence 3\n";  // cut short
  fs::create_directories(root_ + "/bbbb");
  Reopen();
  EXPECT_FALSE(store_->Has("bbbb"));
  EXPECT_THAT(Files(), ElementsAre("bbbb"));
  Write("bbbb");  // what lay there is moved aside, not trusted
  EXPECT_TRUE(store_->Has("bbbb"));
}

TEST_F(RevisionStoreTest, ListsNewestFirstAlsoAfterReopening) {
  Write("cccc");
  Write("aaaa");
  Write("bbbb");
  EXPECT_THAT(store_->List(), ElementsAre("bbbb", "aaaa", "cccc"));
  Reopen();
  EXPECT_THAT(store_->List(), ElementsAre("bbbb", "aaaa", "cccc"));
}

TEST_F(RevisionStoreTest, AReadyRevisionIsOnlyReplacedWhenAsked) {
  Write("aaaa");
  EXPECT_EQ(store_->Write("aaaa").status().code(), absl::StatusCode::kAlreadyExists);
  const Fd old(open((root_ + "/aaaa/etc").c_str(), O_RDONLY | O_DIRECTORY));
  Write("aaaa", /*replace=*/true);
  EXPECT_EQ(faccessat(old.get(), "a", F_OK, 0), 0) << "who has the old one open keeps it";
  EXPECT_TRUE(store_->Has("aaaa"));
  EXPECT_EQ(Files().size(), 3u);
  ASSERT_TRUE(store_->Prune(5, {}).ok());
  EXPECT_THAT(Files(), ElementsAre("aaaa", "aaaa.manifest"));
}

TEST_F(RevisionStoreTest, PruneKeepsTheNewestAndThoseInUse) {
  for (const char* name : {"r1", "r2", "r3", "r4"}) Write(name);
  ASSERT_TRUE(store_->Prune(2, {"r1"}).ok());
  EXPECT_THAT(store_->List(), ElementsAre("r4", "r3", "r1"));
  EXPECT_THAT(Files(), ElementsAre("r1", "r1.manifest", "r3", "r3.manifest", "r4", "r4.manifest"));
}

TEST_F(RevisionStoreTest, NamesThatAreNoPlainFileNamesAreRefused) {
  for (const char* name : {"", "..", ".x", "a/b", "a b", "-a", "a\nb", "a.manifest"}) {
    EXPECT_EQ(store_->Write(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(RevisionStoreTest, ADirectoryThatVanishedIsNotReady) {
  Write("aaaa");
  fs::remove_all(root_ + "/aaaa");
  EXPECT_FALSE(store_->Has("aaaa"));
  EXPECT_THAT(store_->List(), IsEmpty());
  Write("aaaa");
  EXPECT_TRUE(store_->Has("aaaa"));
}

TEST_F(RevisionStoreTest, FilesBelongToTheAccountNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  auto writer = store_->Write("aaaa");
  ASSERT_TRUE(writer.ok());
  Fill(writer->get());
  ASSERT_TRUE((*writer)->Finish(65534, 65534).ok());
  for (const char* path : {"", "/etc", "/etc/a", "/etc/b"}) {
    struct stat stat {};
    ASSERT_EQ(lstat((root_ + "/aaaa" + path).c_str(), &stat), 0);
    EXPECT_EQ(stat.st_uid, 65534u) << path;
  }
}

// Runs in a mount namespace of its own, so that nothing is mounted where others see it.
class MountedRevisionTest : public RevisionStoreTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      GTEST_SKIP() << "needs the right to mount";
    }
    RevisionStoreTest::SetUp();
  }
};

TEST_F(MountedRevisionTest, PruneNeverRemovesWhatIsMountedSomewhere) {
  Write("r1");
  Write("r2");
  const std::string target = root_ + "-target";
  fs::create_directories(target);
  ASSERT_EQ(mount((root_ + "/r1/etc").c_str(), target.c_str(), nullptr, MS_BIND, nullptr), 0);
  Write("r1", /*replace=*/true);  // now the mount's root is in the directory moved aside
  ASSERT_TRUE(store_->Prune(0, {}).ok());
  EXPECT_TRUE(fs::exists(target + "/a"));
  EXPECT_THAT(store_->List(), IsEmpty());
  ASSERT_EQ(umount(target.c_str()), 0);
  ASSERT_TRUE(store_->Prune(0, {}).ok());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(MountedRevisionTest, AFullDiskIsSaidAndLeavesEarlierRevisions) {
  ASSERT_EQ(mount("none", root_.c_str(), "tmpfs", 0, "size=64k,nr_inodes=12"), 0);
  Reopen();
  Write("r1");
  absl::Status last;
  for (int i = 0; i < 10 && last.ok(); ++i) {
    auto writer = store_->Write("big" + std::to_string(i));
    last = writer.status();
    if (!last.ok()) break;
    if (mkdirat((*writer)->directory(), "d", 0755) != 0) {
      last = absl::ErrnoToStatus(errno, "mkdir");
      break;
    }
    last = (*writer)->Finish(-1, -1);
  }
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted) << last;
  EXPECT_TRUE(store_->Has("r1"));
  Reopen();
  EXPECT_TRUE(store_->Has("r1"));
  store_.reset();
  ASSERT_EQ(umount2(root_.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace gitops
