#include "agent/revision/revision.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/revision/compare_tree.h"
#include "agent/revision/store_test_base.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(RevisionStoreTest, AWrittenRevisionIsReadyWithItsManifest) {
  const std::string directory = Write("aaaa");
  EXPECT_EQ(NewestOf("aaaa"), directory);
  EXPECT_EQ(RevisionStore::RevisionOf(directory), "aaaa");
  const auto manifest = store_->ReadManifest(directory);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_THAT(manifest->covers, ElementsAre("etc"));
  ASSERT_EQ(manifest->entries.size(), 2u);
  EXPECT_EQ(manifest->entries[0].path, "etc/a");
  EXPECT_EQ(manifest->entries[0].size, 3);
  struct stat stat {};
  ASSERT_EQ(lstat((store_->TreePath(directory) + "/etc/a").c_str(), &stat), 0);
  EXPECT_EQ(manifest->entries[0].inode, stat.st_ino);
  EXPECT_EQ(stat.st_mode & 07777, 0644u) << "another umask must not show";
  EXPECT_THAT(Files(), ElementsAre("aaaa-1"));
  EXPECT_THAT(Files("aaaa-1"), ElementsAre("manifest", "tree"));
}

TEST_F(RevisionStoreTest, AWriterThatIsDroppedLeavesNothing) {
  {
    auto writer = store_->Write("aaaa");
    ASSERT_TRUE(writer.ok());
    Fill(writer->get());
  }
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(RevisionStoreTest, AWriteThatWasKilledIsRemovedWhenTheStoreIsOpened) {
  fs::create_directories(root_ + "/.new-7/tree/etc");
  std::ofstream(root_ + "/.new-6.manifest") << "x";
  fs::create_directories(root_ + "/.stage/x");
  fs::create_directories(root_ + "/bbbb-9/tree");
  Reopen();
  EXPECT_THAT(Files(), ElementsAre("bbbb-9"));
  EXPECT_EQ(NewestOf("bbbb"), "NOT_FOUND") << "it has no manifest";
  EXPECT_EQ(Write("bbbb"), "bbbb-10");
  EXPECT_EQ(NewestOf("bbbb"), "bbbb-10");
}

TEST_F(RevisionStoreTest, ListsNewestFirstAlsoAfterReopening) {
  Write("cccc");
  Write("aaaa");
  Write("bbbb");
  Write("aaaa");
  EXPECT_THAT(store_->List(), ElementsAre("aaaa", "bbbb", "cccc"));
  Reopen();
  EXPECT_THAT(store_->List(), ElementsAre("aaaa", "bbbb", "cccc"));
  EXPECT_THAT(*store_->Directories(), ElementsAre("aaaa-4", "bbbb-3", "aaaa-2", "cccc-1"));
}

TEST_F(RevisionStoreTest, ARevisionWrittenAgainGetsADirectoryOfItsOwn) {
  const std::string first = Write("aaaa");
  const Fd old(open((store_->TreePath(first) + "/etc").c_str(), O_RDONLY | O_DIRECTORY));
  auto writer = store_->Write("aaaa");
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_EQ(NewestOf("aaaa"), first) << "ready all the time";
  Fill(writer->get());
  ASSERT_TRUE((*writer)->Finish(-1, -1).ok());
  EXPECT_NE((*writer)->name(), first);
  EXPECT_EQ(NewestOf("aaaa"), (*writer)->name());
  EXPECT_EQ(faccessat(old.get(), "a", F_OK, 0), 0) << "what was published stays";
  ASSERT_TRUE(store_->Prune(5, {}).ok());
  EXPECT_THAT(Files(), ElementsAre((*writer)->name()));
}

TEST_F(RevisionStoreTest, PruneKeepsTheNewestAndThoseInUse) {
  for (const char* name : {"r1", "r2", "r3", "r1", "r4"}) Write(name);
  ASSERT_TRUE(store_->Prune(1, {"r1"}).ok());
  EXPECT_THAT(store_->List(), ElementsAre("r4", "r1"));
  EXPECT_THAT(Files(), ElementsAre("r1-4", "r4-5"));
}

TEST_F(RevisionStoreTest, PruneKeepsWhatIsHeldAndWhatWasPublishedLast) {
  for (const char* name : {"r1", "r2", "r3"}) Write(name);
  ASSERT_TRUE(store_->NotePublished("r2-2").ok());
  {
    const RevisionHold hold = store_->Hold("r1-1");
    const RevisionHold again = store_->Hold("r1-1");
    ASSERT_TRUE(store_->Prune(0, {}).ok());
    EXPECT_THAT(Files(), ElementsAre(".published", "r1-1", "r2-2"));
  }
  ASSERT_TRUE(store_->Prune(0, {}).ok());
  EXPECT_THAT(Files(), ElementsAre(".published", "r2-2"));
  Reopen();
  EXPECT_EQ(*store_->LastPublished(), "r2-2");
}

TEST_F(RevisionStoreTest, AHoldMayOutliveTheStore) {
  const RevisionHold hold = store_->Hold(Write("aaaa"));
  store_.reset();
}

TEST_F(RevisionStoreTest, WhatIsLeftBehindIsNotedAndNotPruned) {
  for (const char* name : {"r1", "r2", "r3"}) Write(name);
  const std::vector<LeftBehind> all = {{"/etc/a\tb", "r1-1", "a", 1700000000123456789},
                                       {"/etc/c", "r2-2", ".", 0}};
  ASSERT_TRUE(store_->NoteLeftBehind(all).ok());
  Reopen();
  EXPECT_EQ(*store_->WhatIsLeftBehind(), all);
  ASSERT_TRUE(store_->Prune(0, {"r3"}).ok());
  EXPECT_EQ(store_->Directories()->size(), 3u);
  ASSERT_TRUE(store_->NoteLeftBehind({}).ok());
  EXPECT_TRUE(store_->WhatIsLeftBehind()->empty());
  ASSERT_TRUE(store_->Prune(0, {"r3"}).ok());
  EXPECT_EQ(store_->Directories()->size(), 1u);
}

TEST_F(RevisionStoreTest, PruneFinishesWhatAnInterruptedRemovalLeft) {
  Write("aaaa");
  fs::create_directories(root_ + "/.del-9/tree/etc");
  ASSERT_TRUE(store_->Prune(1, {}).ok());
  EXPECT_THAT(Files(), ElementsAre("aaaa-1"));
}

TEST_F(RevisionStoreTest, NamesThatAreNoPlainFileNamesAreRefused) {
  for (const char* name : {"", "..", ".x", "a/b", "a b", "-a", "a\nb", "a.manifest"}) {
    EXPECT_EQ(store_->Write(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(RevisionStoreTest, ADirectoryThatVanishedIsNotReadyAndNotCounted) {
  Write("aaaa");
  const std::string vanished = Write("aaaa");
  fs::remove_all(root_ + "/" + vanished);
  EXPECT_EQ(NewestOf("aaaa"), "aaaa-1");
  ASSERT_TRUE(store_->Prune(1, {}).ok());
  EXPECT_EQ(NewestOf("aaaa"), "aaaa-1");
  fs::remove_all(root_ + "/aaaa-1");
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  EXPECT_THAT(store_->List(), IsEmpty());
}

TEST_F(RevisionStoreTest, AServicesDirectoryThatWasRemovedIsMadeAgain) {
  Write("aaaa");
  fs::remove_all(fs::path(root_).parent_path());
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  EXPECT_EQ(store_->OpenTree("aaaa-1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->Prune(0, {}).ok());
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  EXPECT_EQ(Write("aaaa"), "aaaa-2");
  EXPECT_EQ(NewestOf("aaaa"), "aaaa-2");
}

TEST_F(RevisionStoreTest, TheStageIsEmptiedWhenTheStoreIsOpened) {
  auto stage = store_->OpenStage();
  ASSERT_TRUE(stage.ok()) << stage.status();
  ASSERT_EQ(mkdirat(stage->get(), "x", 0755), 0);
  EXPECT_EQ(ModeOf(".stage"), 0700u);
  Reopen();
  stage = store_->OpenStage();
  ASSERT_TRUE(stage.ok()) << stage.status();
  EXPECT_THAT(Files(".stage"), IsEmpty());
}

TEST_F(RevisionStoreTest, TheFormerLayoutIsReadPrunedAndNeverWritten) {
  WriteFormer("aaaa", 3);
  WriteFormer("bbbb", 5);
  fs::create_directories(root_ + "/.old-6-bbbb/etc");
  Reopen();
  EXPECT_THAT(store_->List(), ElementsAre("bbbb", "aaaa"));
  EXPECT_EQ(NewestOf("aaaa"), "aaaa");
  const auto manifest = store_->ReadManifest("aaaa");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_THAT(manifest->covers, ElementsAre("etc"));
  EXPECT_THAT(*CompareTree(store_->TreePath("aaaa"), *manifest, {.with_untracked = true}),
              IsEmpty());
  EXPECT_TRUE(store_->OpenTree("aaaa").ok());
  EXPECT_EQ(RevisionStore::RevisionOf(".old-6-bbbb"), "bbbb");
  EXPECT_EQ(store_->TreePath(".old-6-bbbb"), root_ + "/.old-6-bbbb");

  EXPECT_EQ(Write("aaaa"), "aaaa-7") << "numbers go on";
  EXPECT_EQ(NewestOf("aaaa"), "aaaa-7");
  EXPECT_TRUE(fs::exists(root_ + "/aaaa/etc/a"));
  ASSERT_TRUE(store_->Prune(2, {}).ok());
  EXPECT_THAT(Files(), ElementsAre("aaaa-7", "bbbb", "bbbb.manifest"));
  ASSERT_TRUE(store_->Prune(1, {}).ok());
  EXPECT_THAT(Files(), ElementsAre("aaaa-7"));
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
  WriteFormer("r0", 1);
  Reopen();
  const std::string first = Write("r1");
  Write("r1");
  const std::string target = dir_ / "target", former = dir_ / "former";
  fs::create_directories(target);
  fs::create_directories(former);
  ASSERT_EQ(
      mount((store_->TreePath(first) + "/etc").c_str(), target.c_str(), nullptr, MS_BIND, nullptr),
      0);
  ASSERT_EQ(mount((root_ + "/r0/etc").c_str(), former.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_TRUE(store_->Prune(0, {}).ok());
  EXPECT_TRUE(fs::exists(target + "/a"));
  EXPECT_TRUE(fs::exists(former + "/a"));
  EXPECT_THAT(Files(), ElementsAre("r0", "r0.manifest", first));
  ASSERT_EQ(umount(target.c_str()), 0);
  ASSERT_EQ(umount(former.c_str()), 0);
  ASSERT_TRUE(store_->Prune(0, {}).ok());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(MountedRevisionTest, AFullDiskIsSaidAndLeavesEarlierRevisions) {
  ASSERT_EQ(mount("none", root_.c_str(), "tmpfs", 0, "size=64k,nr_inodes=14,mode=0755"), 0);
  Reopen();
  const std::string first = Write("r1");
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
  EXPECT_EQ(NewestOf("r1"), first);
  Reopen();
  EXPECT_EQ(NewestOf("r1"), first);
  store_.reset();
  ASSERT_EQ(umount2(root_.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace gitops
