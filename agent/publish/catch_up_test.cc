// What a service writes between the two passes of carrying over, where the second pass fails, or is
// not made at once.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/publish/symlink_publisher.h"
#include "agent/publish/test_revisions.h"
#include "common/clock/fake_clock.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"
#include "common/path/write_all.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

class CatchUpTest : public testing::Test {
 protected:
  CatchUpTest() {
    store_ = *RevisionStore::Open(box_ / "var/svc", StoreAccess::kSymlinks);
    for (const char* revision : {"r1", "r2", "r3"}) {
      WriteTestRevision(*store_, revision, {{"etc/a", revision}});
    }
    spec_.service = "svc";
    spec_.directories = {{box_ / "etc/svc", "etc"}};
    // Each attempt gets this far, and fails then.
    spec_.max_untracked_files = 3;
    StartAgain();
    EXPECT_EQ(publisher_->Publish("r1"), absl::OkStatus());
    service_ = Fd(::open((box_ / "etc/svc").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  void StartAgain() {
    publisher_ = nullptr;
    store_ = *RevisionStore::Open(box_ / "var/svc", StoreAccess::kSymlinks);
    publisher_ = NewSymlinkPublisher({.spec = spec_, .store = store_.get(), .clock = &clock_});
  }
  // A process that is killed between the exchange and the second pass.
  void PublishAndDie(const std::string& revision) {
    spec_.max_untracked_files = 100;
    StartAgain();
    const pid_t child = ::fork();
    if (child == 0) {
      publisher_
          ->Publish(
              revision, [] { return absl::OkStatus(); }, [] { ::_exit(0); }, {})
          .IgnoreError();
      ::_exit(1);
    }
    int status = 1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    StartAgain();
  }
  // By the process with the old directory as its own.
  void WriteLate(const std::string& name, const std::string& text) const {
    const Fd file(::openat(service_.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    ASSERT_EQ(WriteAll(file.get(), text), 0);
  }
  // Until what is written now has other times than what was written before.
  static void AwaitClockOfFiles() {
    timespec before = {}, now = {};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &before);
    do {
      ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    } while (now.tv_nsec == before.tv_nsec);
  }

  // Publishes r2; a process with the old directory as its own writes `files` during the exchange.
  absl::Status PublishWhileTheServiceWrites(int files) {
    return publisher_->Publish(
        "r2", [] { return absl::OkStatus(); },
        [this, files] {
          for (int i = 0; i < files; ++i) WriteLate(absl::StrCat("late-", i), "x");
        },
        {});
  }
  int64_t Published() const {
    return std::distance(fs::directory_iterator(box_ / "etc/svc"), {}) - 1;
  }
  size_t OnDisk() const { return store_->Directories()->size(); }

  TemporaryDirectory box_;
  FakeClock clock_;
  std::unique_ptr<RevisionStore> store_;
  ServiceSpec spec_;
  std::unique_ptr<Publisher> publisher_;
  Fd service_;
};

TEST_F(CatchUpTest, ItIsToldTriedAgainAndTheOldRevisionIsKeptSoLong) {
  ASSERT_EQ(PublishWhileTheServiceWrites(12), absl::OkStatus());
  EXPECT_EQ(box_.Read("etc/svc/a"), "r2");
  EXPECT_EQ(Published(), 3);
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  for (const int published : {3, 6, 6, 9}) {
    const auto behind = publisher_->Drift("r2", false);
    ASSERT_TRUE(behind.ok()) << behind.status();
    ASSERT_EQ(behind->size(), 1u);
    EXPECT_EQ(behind->front().kind, DriftEntry::Kind::kNotCarriedOver);
    EXPECT_EQ(behind->front().path, box_ / "etc/svc");
    EXPECT_THAT(behind->front().detail, HasSubstr("max_untracked_files"));
    EXPECT_EQ(Published(), published) << "the pauses get longer";
    clock_.Advance(absl::Seconds(61));
  }
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  EXPECT_EQ(OnDisk(), 2u) << "r1, as long as something of it is missing, and r2";
  clock_.Advance(absl::Minutes(10));
  const auto done = publisher_->Drift("r2", false);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_THAT(*done, IsEmpty());
  EXPECT_EQ(Published(), 12);
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  EXPECT_EQ(OnDisk(), 1u);
}

TEST_F(CatchUpTest, ANewerRevisionIsPublishedMeanwhileAndGetsItLater) {
  ASSERT_EQ(PublishWhileTheServiceWrites(9), absl::OkStatus());
  StartAgain();
  EXPECT_EQ(publisher_->Publish("r3"), absl::OkStatus());
  EXPECT_EQ(box_.Read("etc/svc/a"), "r3");
  EXPECT_EQ(Published(), 3);
  ASSERT_EQ(store_->Prune(0, {"r3"}), absl::OkStatus());
  spec_.max_untracked_files = 100;
  StartAgain();
  EXPECT_THAT(*publisher_->Drift("r3", false), IsEmpty());
  EXPECT_EQ(Published(), 9);
  ASSERT_EQ(store_->Prune(0, {"r3"}), absl::OkStatus());
  EXPECT_EQ(OnDisk(), 1u);
}

TEST_F(CatchUpTest, AReturnToTheRevisionThatHasWhatIsMissingLosesNothingOfIt) {
  ASSERT_EQ(PublishWhileTheServiceWrites(9), absl::OkStatus());
  StartAgain();
  EXPECT_EQ(publisher_->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(box_.Read("etc/svc/a"), "r1");
  EXPECT_EQ(Published(), 3);
  spec_.max_untracked_files = 100;
  StartAgain();
  EXPECT_THAT(*publisher_->Drift("r1", false), IsEmpty());
  EXPECT_EQ(Published(), 9);
}

TEST_F(CatchUpTest, AfterAKillBeforeTheSecondPassTheNextProcessMakesIt) {
  box_.Write("etc/svc/replaced", "before");
  box_.Write("etc/svc/dir/file", "x");
  AwaitClockOfFiles();
  PublishAndDie("r2");
  WriteLate("late", "x");
  WriteLate("new", "late");
  ASSERT_EQ(::renameat(service_.get(), "new", service_.get(), "replaced"), 0);
  ASSERT_EQ(::mkdirat(service_.get(), "made", 0755), 0);
  WriteLate("made/file", "x");
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  EXPECT_THAT(*publisher_->Drift("r2", false), IsEmpty());
  EXPECT_EQ(box_.Read("etc/svc/a"), "r2");
  EXPECT_EQ(box_.Read("etc/svc/late"), "x");
  EXPECT_EQ(box_.Read("etc/svc/replaced"), "late");
  EXPECT_EQ(box_.Read("etc/svc/made/file"), "x");
  EXPECT_EQ(box_.Read("etc/svc/dir/file"), "x");
  EXPECT_FALSE(box_.Has("var/svc/.left-behind"));
  EXPECT_EQ(*publisher_->Published(), "r2");
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  EXPECT_EQ(OnDisk(), 1u);
}

TEST_F(CatchUpTest, AfterAKillWhatTheServiceDidInTheNewRevisionCounts) {
  box_.Write("etc/svc/replaced", "before");
  box_.Write("etc/svc/dir/removed", "x");
  box_.Write("etc/svc/dir/kept", "x");
  box_.Write("etc/svc/gone/file", "x");
  AwaitClockOfFiles();
  PublishAndDie("r2");
  WriteLate("new", "late");
  ASSERT_EQ(::renameat(service_.get(), "new", service_.get(), "replaced"), 0);
  AwaitClockOfFiles();
  fs::remove(box_ / "etc/svc/replaced");
  box_.Write("etc/svc/replaced", "later");
  box_.Write("etc/svc/made", "x");
  fs::remove(box_ / "etc/svc/dir/removed");
  fs::remove_all(box_ / "etc/svc/gone");
  EXPECT_THAT(*publisher_->Drift("r2", false), IsEmpty());
  EXPECT_EQ(box_.Read("etc/svc/replaced"), "later");
  EXPECT_EQ(box_.Read("etc/svc/made"), "x");
  EXPECT_TRUE(box_.Has("etc/svc/dir/kept"));
  EXPECT_FALSE(box_.Has("etc/svc/dir/removed"));
  EXPECT_FALSE(box_.Has("etc/svc/gone"));
}

TEST_F(CatchUpTest, AfterAKillBeforeTheExchangeNothingIsMissing) {
  box_.Write("etc/svc/file", "x");
  ASSERT_EQ(store_->NoteLeftBehind({{box_ / "etc/svc", *store_->LastPublished(), "etc", 1}}),
            absl::OkStatus());
  StartAgain();
  EXPECT_EQ(publisher_->Publish("r2"), absl::OkStatus());
  EXPECT_EQ(box_.Read("etc/svc/file"), "x");
  EXPECT_FALSE(box_.Has("var/svc/.left-behind"));
}

TEST_F(CatchUpTest, AnOldRevisionThatSomebodyRemovedHoldsUpNothing) {
  ASSERT_EQ(PublishWhileTheServiceWrites(4), absl::OkStatus());
  const std::vector<std::string> directories = *store_->Directories();
  for (const std::string& directory : directories) {
    if (RevisionStore::RevisionOf(directory) == "r1") {
      fs::remove_all(fs::path(store_->root()) / directory);
    }
  }
  fs::remove(box_ / "etc/svc/late-0");
  fs::remove(box_ / "etc/svc/late-1");
  EXPECT_EQ(publisher_->Publish("r3"), absl::OkStatus());
  EXPECT_EQ(box_.Read("etc/svc/a"), "r3");
}

}  // namespace
}  // namespace gitops
