// Who may reach a revision, whose revisions are used, and what is said when something cannot be
// looked at.
#include <sys/resource.h>
#include <sys/wait.h>

#include "agent/revision/flusher.h"
#include "agent/revision/store_test_base.h"
#include "gmock/gmock.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uid_t kNobody = 65534;

class StoreAccessTest : public RevisionStoreTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    RevisionStoreTest::SetUp();
  }

  // Whether another account can open it.
  static bool NobodyReaches(const std::string& path) {
    const pid_t child = fork();
    if (child == 0) {
      if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(2);
      _exit(open(path.c_str(), O_PATH | O_CLOEXEC) >= 0 ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 0;
  }

  std::string WriteFor(uid_t owner) {
    auto writer = store_->Write("aaaa");
    EXPECT_TRUE(writer.ok()) << writer.status();
    Fill(writer->get());
    EXPECT_FALSE(NobodyReaches(absl::StrCat(root_, "/.new-1/tree")));
    EXPECT_TRUE((*writer)->Finish(owner, owner).ok());
    return (*writer)->name();
  }
};

TEST_F(StoreAccessTest, FilesBelongToTheAccountNamedAndTheRestToRoot) {
  const std::string directory = WriteFor(kNobody);
  for (const char* path : {"", "/etc", "/etc/a", "/etc/b"}) {
    struct stat stat {};
    ASSERT_EQ(lstat((store_->TreePath(directory) + path).c_str(), &stat), 0);
    EXPECT_EQ(stat.st_uid, kNobody) << path;
  }
  EXPECT_EQ(ModeOf(""), 0700u);
  EXPECT_EQ(ModeOf(directory), 0700u);
  EXPECT_EQ(ModeOf(directory + "/manifest"), 0600u);
}

TEST_F(StoreAccessTest, ByMountsNobodyElseEverReachesARevision) {
  const std::string directory = WriteFor(kNobody);
  ASSERT_TRUE(store_->Publishable(directory).ok());
  EXPECT_FALSE(NobodyReaches(store_->TreePath(directory)));
  EXPECT_TRUE(NobodyReaches(dir_ / "mount/web"));
}

TEST_F(StoreAccessTest, BySymlinksOthersReachARevisionOnceItIsPublishable) {
  Reopen(StoreAccess::kSymlinks);
  const std::string directory = WriteFor(kNobody);
  EXPECT_FALSE(NobodyReaches(store_->TreePath(directory)));
  EXPECT_FALSE(fs::exists(root_ + "/" + directory + "/durable"));
  ASSERT_TRUE(store_->Publishable(directory).ok());
  EXPECT_TRUE(fs::exists(root_ + "/" + directory + "/durable"));
  EXPECT_TRUE(NobodyReaches(store_->TreePath(directory) + "/etc/a"));
  EXPECT_EQ(ModeOf(directory), 0711u);
  EXPECT_EQ(ModeOf(""), 0711u);
}

TEST_F(StoreAccessTest, AServicesDirectoryOfSomebodyElseIsRefusedWithItsOwnerAndTheRemedy) {
  Write("aaaa");
  ASSERT_EQ(chown(root_.c_str(), 54321, 54321), 0);
  const auto refused = RevisionStore::Open(root_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition) << refused.status();
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(root_));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("54321"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("choose another `mount`"));
  EXPECT_EQ(NewestOf("aaaa"), "FAILED_PRECONDITION") << "also in a store that is open";
  EXPECT_EQ(store_->Write("bbbb").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StoreAccessTest, WhatTookThePlaceOfTheDirectoryIsNotTakenForIt) {
  Write("aaaa");
  ASSERT_EQ(NewestOf("aaaa"), "aaaa-1");
  const std::string aside = root_ + ".aside";
  ASSERT_EQ(rename(root_.c_str(), aside.c_str()), 0);
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  ASSERT_EQ(mkdir(root_.c_str(), 0700), 0);
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  ASSERT_EQ(rmdir(root_.c_str()), 0);
  ASSERT_EQ(symlink(aside.c_str(), root_.c_str()), 0);
  EXPECT_EQ(NewestOf("aaaa"), "aaaa-1") << "root may move it, and leave a symlink";
  ASSERT_EQ(lchown(root_.c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(NewestOf("aaaa"), "FAILED_PRECONDITION") << "others may not";
  ASSERT_EQ(unlink(root_.c_str()), 0);
  ASSERT_EQ(rename(aside.c_str(), root_.c_str()), 0);
  EXPECT_EQ(NewestOf("aaaa"), "aaaa-1");
}

TEST_F(StoreAccessTest, ARevisionOfSomebodyElseIsNotUsed) {
  const std::string directory = Write("aaaa");
  ASSERT_EQ(chown((root_ + "/" + directory).c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(store_->OpenTree(directory).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(store_->ReadManifest(directory).ok());
  Reopen();
  EXPECT_EQ(NewestOf("aaaa"), "NOT_FOUND");
  WriteFormer("bbbb", 4);
  ASSERT_EQ(chown((root_ + "/bbbb.manifest").c_str(), kNobody, kNobody), 0);
  Reopen();
  EXPECT_EQ(NewestOf("bbbb"), "NOT_FOUND");
}

TEST_F(StoreAccessTest, ADirectoryOfTheFormerModeIsClosed) {
  ASSERT_EQ(chmod(root_.c_str(), 0755), 0);
  Reopen();
  EXPECT_EQ(ModeOf(""), 0700u);
}

// Without descriptors, nothing counts as absent, and nothing is removed.
TEST_F(StoreAccessTest, RunningOutOfDescriptorsIsNoAbsence) {
  WriteFormer("f0", 1);
  WriteFormer("f1", 2);
  Reopen();
  Write("r1");
  const std::vector<std::string> before = Files();
  rlimit saved{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &saved), 0);
  const int next = dup(0);
  close(next);
  int refused = 0;
  for (rlim_t more = 0; more < 8; ++more) {
    const rlimit low{static_cast<rlim_t>(next) + more, saved.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    const auto opened = RevisionStore::Open(root_);
    const auto newest = store_->Newest("r1");
    const auto former = store_->Newest("f0");
    const auto listed = store_->List();
    const auto pruned = store_->Prune(5, {});
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &saved), 0);
    refused += opened.ok() ? 0 : 1;
    EXPECT_FALSE(absl::IsNotFound(newest.status())) << newest.status();
    EXPECT_FALSE(absl::IsNotFound(former.status())) << former.status();
    EXPECT_THAT(listed, ElementsAre("r1", "f1", "f0"));
    if (opened.ok()) EXPECT_THAT((*opened)->List(), ElementsAre("r1", "f1", "f0"));
  }
  EXPECT_GT(refused, 0);
  Flusher::Shared().Wait();
  EXPECT_EQ(Files(), before);
}

class FlushTest : public RevisionStoreTest {
 protected:
  // As if the host had ended before the flush, and started again.
  void Restart(const std::string& directory) {
    Flusher::Shared().Wait();
    fs::remove(root_ + "/" + directory + "/durable");
    const std::string file = root_ + "/" + directory + "/manifest";
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    std::string manifest = text.str();
    const size_t boot = manifest.find("\nboot ") + 6;
    manifest.replace(boot, 8, "00000000");
    std::ofstream(file) << manifest;
  }
};

TEST_F(FlushTest, AWrittenRevisionIsReadyAtOnceAndDurableSoonAfterwards) {
  const std::string directory = Write("aaaa");
  EXPECT_EQ(NewestOf("aaaa"), directory);
  EXPECT_FALSE(fs::exists(root_ + "/" + directory + "/durable"));
  Flusher::Shared().Wait();
  EXPECT_TRUE(fs::exists(root_ + "/" + directory + "/durable"));
}

TEST_F(FlushTest, WhatWasNotFlushedBeforeTheHostEndedIsVerified) {
  const std::string whole = Write("aaaa"), lost = Write("bbbb"), cut = Write("cccc");
  for (const std::string& directory : {whole, lost, cut}) Restart(directory);
  std::ofstream(store_->TreePath(lost) + "/etc/a") << std::string(3, '\0');
  fs::resize_file(root_ + "/" + cut + "/manifest", 60);
  Reopen();
  EXPECT_EQ(NewestOf("aaaa"), whole);
  EXPECT_TRUE(fs::exists(root_ + "/" + whole + "/durable"));
  EXPECT_EQ(NewestOf("bbbb"), "NOT_FOUND");
  EXPECT_EQ(NewestOf("cccc"), "NOT_FOUND");
  EXPECT_THAT(store_->List(), ElementsAre("aaaa"));
  EXPECT_TRUE(store_->OpenTree(lost).ok()) << "the service may have files in it";
  ASSERT_TRUE(store_->Prune(0, {"bbbb"}).ok());
  EXPECT_THAT(Files(), ElementsAre(lost)) << "until it is written again";
  const std::string again = Write("bbbb");
  ASSERT_TRUE(store_->Prune(0, {"bbbb"}).ok());
  EXPECT_THAT(Files(), ElementsAre(again));
}

TEST_F(FlushTest, AnAgentThatStartsAgainInTheSameBootNeedsNoVerification) {
  const std::string directory = Write("aaaa");
  Flusher::Shared().Wait();
  fs::remove(root_ + "/" + directory + "/durable");
  std::ofstream(store_->TreePath(directory) + "/etc/a") << "drift";
  Reopen();
  EXPECT_EQ(NewestOf("aaaa"), directory);
  Flusher::Shared().Wait();
  EXPECT_TRUE(fs::exists(root_ + "/" + directory + "/durable"));
}

}  // namespace
}  // namespace gitops
