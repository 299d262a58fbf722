// What a service writes between the two passes of carrying over, where the second pass fails.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/publish/symlink_publisher.h"
#include "agent/publish/test_revisions.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"

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
    publisher_ = NewSymlinkPublisher({.spec = spec_, .store = store_.get()});
    EXPECT_EQ(publisher_->Publish("r1"), absl::OkStatus());
    service_ = Fd(::open((box_ / "etc/svc").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  // Publishes r2; a process with the old directory as its own writes `files` during the exchange.
  absl::Status PublishWhileTheServiceWrites(int files) {
    return publisher_->Publish(
        "r2", [] { return absl::OkStatus(); },
        [this, files] {
          for (int i = 0; i < files; ++i) {
            const std::string name = absl::StrCat("late-", i);
            const Fd file(
                ::openat(service_.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
            ASSERT_EQ(::write(file.get(), "x", 1), 1);
          }
        },
        {});
  }
  int64_t Published() const {
    return std::distance(fs::directory_iterator(box_ / "etc/svc"), {}) - 1;
  }
  size_t OnDisk() const { return store_->Directories()->size(); }

  TemporaryDirectory box_;
  std::unique_ptr<RevisionStore> store_;
  ServiceSpec spec_;
  std::unique_ptr<Publisher> publisher_;
  Fd service_;
};

TEST_F(CatchUpTest, ItIsToldTriedAgainAndTheOldRevisionIsKeptSoLong) {
  ASSERT_EQ(PublishWhileTheServiceWrites(8), absl::OkStatus());
  EXPECT_EQ(box_.Read("etc/svc/a"), "r2");
  EXPECT_EQ(Published(), 3);
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  const auto behind = publisher_->Drift("r2", false);
  ASSERT_TRUE(behind.ok()) << behind.status();
  ASSERT_EQ(behind->size(), 1u);
  EXPECT_EQ(behind->front().kind, DriftEntry::Kind::kNotCarriedOver);
  EXPECT_EQ(behind->front().path, box_ / "etc/svc");
  EXPECT_THAT(behind->front().detail, HasSubstr("max_untracked_files"));
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  EXPECT_EQ(OnDisk(), 2u) << "r1, as long as something of it is missing, and r2";
  const auto done = publisher_->Drift("r2", false);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_THAT(*done, IsEmpty());
  EXPECT_EQ(Published(), 8);
  ASSERT_EQ(store_->Prune(0, {"r2"}), absl::OkStatus());
  EXPECT_EQ(OnDisk(), 1u);
}

TEST_F(CatchUpTest, NothingElseIsPublishedBefore) {
  ASSERT_EQ(PublishWhileTheServiceWrites(8), absl::OkStatus());
  EXPECT_EQ(publisher_->Publish("r3").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(box_.Read("etc/svc/a"), "r2");
  EXPECT_EQ(Published(), 6);
}

TEST_F(CatchUpTest, APublisherThatEndsTriesItOnceMore) {
  ASSERT_EQ(PublishWhileTheServiceWrites(5), absl::OkStatus());
  EXPECT_EQ(Published(), 3);
  publisher_ = nullptr;
  EXPECT_EQ(Published(), 5);
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
