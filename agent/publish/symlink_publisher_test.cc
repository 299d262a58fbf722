#include "agent/publish/symlink_publisher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "agent/publish/test_revisions.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"
#include "common/testing/parent_flipper.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Drift = DriftEntry::Kind;

class SymlinkPublisherTest : public testing::Test {
 protected:
  SymlinkPublisherTest() {
    root_ = directory_.path();
    auto store = RevisionStore::Open(root_ / "var/svc", StoreAccess::kSymlinks);
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    for (const char* revision : {"r1", "r2", "r3"}) {
      WriteTestRevision(*store_, revision,
                        {{"etc/a", revision},
                         {"etc/b", revision},
                         {"inner/f", revision},
                         {"one/conf", revision}});
    }
    spec_.service = "svc";
    spec_.directories = {{root_ / "etc/svc/conf.d", "inner"},
                         {root_ / "etc/svc", "etc"},
                         {root_ / "etc/one.conf", "one/conf", true}};
  }

  std::unique_ptr<Publisher> New() {
    return NewSymlinkPublisher({.spec = spec_, .store = store_.get()});
  }
  // The files of a revision, relative to root_.
  std::string Tree(const std::string& revision) const {
    const auto directory = store_->Newest(revision);
    EXPECT_TRUE(directory.ok()) << directory.status();
    return directory.ok() ? "var/svc/" + RevisionStore::TreeIn(*directory) : "";
  }
  void Write(const std::string& path, const std::string& content) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  std::string Read(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(root_ / path).rdbuf();
    return text.str();
  }
  void ExpectAllShow(const std::string& revision) const {
    for (const char* path : {"etc/svc/a", "etc/svc/b", "etc/svc/conf.d/f", "etc/one.conf"}) {
      EXPECT_EQ(Read(path), revision) << path;
    }
  }
  std::vector<std::string> PathsOf(const absl::StatusOr<std::vector<DriftEntry>>& drift,
                                   Drift kind) const {
    EXPECT_TRUE(drift.ok()) << drift.status();
    std::vector<std::string> paths;
    if (!drift.ok()) return paths;
    for (const DriftEntry& entry : *drift) {
      if (entry.kind == kind) paths.push_back(fs::path(entry.path).lexically_relative(root_));
    }
    return paths;
  }

  const TemporaryDirectory directory_{TemporaryDirectory::For::kEveryAccount};
  fs::path root_;
  std::unique_ptr<RevisionStore> store_;
  ServiceSpec spec_;
};

TEST_F(SymlinkPublisherTest, ARevisionThatIsShownNowhereStaysPublishedThroughARestart) {
  spec_.directories = {{"", "etc"}};
  auto publisher = New();
  EXPECT_EQ(*publisher->Published(), "");
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(*publisher->Published(), "r1");
  publisher = NewSymlinkPublisher({.spec = spec_, .store = store_.get(), .last_published = "r1"});
  EXPECT_EQ(*publisher->Published(), "r1");
  EXPECT_THAT(*publisher->Drift("r1", true), IsEmpty());
}

TEST_F(SymlinkPublisherTest, ARevisionWhoseFilesWereChangedIsNotIntact) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  Write(Tree("r1") + "/etc/made", "by the service");
  EXPECT_TRUE(*publisher->IsIntact("r1"));
  Write(Tree("r1") + "/etc/a", "by hand");
  EXPECT_FALSE(*publisher->IsIntact("r1"));
  EXPECT_TRUE(*publisher->IsIntact("r2"));
  EXPECT_FALSE(publisher->IsIntact("unknown").ok());
}

TEST_F(SymlinkPublisherTest, EveryPlaceBecomesASymlinkAndNothingElseIsLeft) {
  auto publisher = New();
  EXPECT_EQ(*publisher->Published(), "");
  for (const char* revision : {"r1", "r2", "r1", "r3", "r3"}) {
    ASSERT_EQ(publisher->Publish(revision), absl::OkStatus());
    ExpectAllShow(revision);
    EXPECT_EQ(*publisher->Published(), revision);
    auto drift = publisher->Drift(revision, true);
    ASSERT_TRUE(drift.ok()) << drift.status();
    EXPECT_THAT(*drift, IsEmpty());
  }
  EXPECT_TRUE(fs::is_symlink(root_ / "etc/svc"));
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "etc"), {}), 2);
}

TEST_F(SymlinkPublisherTest, EmptyPlaceholdersAreReplaced) {
  fs::create_directories(root_ / "etc/svc");
  Write("etc/one.conf", "");
  ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
}

TEST_F(SymlinkPublisherTest, WhatTheAgentDidNotMakeIsRefusedAndKept) {
  struct Case {
    const char* reason;
    std::function<void()> arrange;
    const char* message;
  };
  const Case cases[] = {
      {"a directory with something in it", [&] { Write("etc/svc/precious", "x"); }, "not empty"},
      {"a file where a directory goes", [&] { Write("etc/svc", "x"); }, "did not create"},
      {"a symlink of somebody else",
       [&] {
         fs::create_directories(root_ / "etc");
         fs::create_symlink("/usr/share", root_ / "etc/svc");
       },
       "a symlink to /usr/share"},
      // Else root would put it back after a failure, as a symlink that it follows itself.
      {"a symlink of theirs that leads out of the revisions again",
       [&] {
         fs::create_directories(root_ / "etc");
         fs::create_symlink(root_.string() + "/var/svc/../../../usr", root_ / "etc/svc");
       },
       "a symlink to "},
      {"a file with content", [&] { Write("etc/one.conf", "x"); }, "did not create"},
  };
  for (const Case& c : cases) {
    fs::remove_all(root_ / "etc");
    c.arrange();
    const absl::Status status = New()->Publish("r1");
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << c.reason << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message)) << c.reason;
    EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "etc"), {}), 1) << c.reason;
  }
  fs::remove_all(root_ / "etc");
  Write("etc/svc/precious", "x");
  EXPECT_FALSE(New()->Publish("r1").ok());
  EXPECT_EQ(Read("etc/svc/precious"), "x");
}

TEST_F(SymlinkPublisherTest, AnInnerPlaceWhereTheRepositoryHasSomethingIsRefused) {
  WriteTestRevision(*store_, "both",
                    {{"etc/conf.d/theirs", "x"}, {"inner/f", "x"}, {"one/conf", "x"}});
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(publisher->Publish("both").code(), absl::StatusCode::kFailedPrecondition);
  ExpectAllShow("r1");
  EXPECT_TRUE(fs::exists(root_ / Tree("both") / "etc/conf.d/theirs"));

  spec_.directories = {{root_ / "etc/svc", "etc"}, {root_ / "etc/svc/conf.d", "etc/conf.d"}};
  publisher = New();
  ASSERT_EQ(publisher->Publish("both"), absl::OkStatus());
  EXPECT_EQ(Read("etc/svc/conf.d/theirs"), "x");
  EXPECT_EQ(*publisher->Published(), "both");
}

TEST_F(SymlinkPublisherTest, AFailureInTheMiddleTakesEverythingBack) {
  bool fail = true;
  const std::string last = root_ / "etc/svc";  // etc/one.conf comes before it
  auto publisher = NewSymlinkPublisher(
      {.spec = spec_, .store = store_.get(), .before_replace = [&](const std::string& local) {
         return fail && local == last ? absl::InternalError("injected") : absl::OkStatus();
       }});
  EXPECT_EQ(publisher->Publish("r1").code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(fs::exists(fs::symlink_status(root_ / "etc")));
  fail = false;
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  fail = true;
  EXPECT_EQ(publisher->Publish("r2").code(), absl::StatusCode::kInternal);
  ExpectAllShow("r1");
  EXPECT_EQ(*publisher->Published(), "r1");
}

TEST_F(SymlinkPublisherTest, FilesTheServiceMadeSurviveAndDriftNamesThem) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  Write("etc/svc/made", "mine");
  Write("etc/svc/conf.d/made", "inner");
  Write("etc/svc/a", "changed by hand");
  EXPECT_THAT(PathsOf(publisher->Drift("r1", true), Drift::kModified), ElementsAre("etc/svc/a"));
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  ExpectAllShow("r2");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  EXPECT_THAT(PathsOf(publisher->Drift("r2", true), Drift::kUntracked),
              ElementsAre("etc/svc/conf.d/made", "etc/svc/made"));
  fs::remove(root_ / "etc/svc/made");
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_FALSE(fs::exists(root_ / "etc/svc/made"));
}

TEST_F(SymlinkPublisherTest, ARevisionWrittenAnewGetsWhatTheServiceMade) {
  ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
  Write("etc/svc/made", "mine");
  Write("etc/svc/conf.d/made", "inner");
  Write("etc/svc/a", "changed by hand");
  auto publisher = New();  // the agent was started anew
  EXPECT_THAT(PathsOf(publisher->Drift("r1", false), Drift::kModified), ElementsAre("etc/svc/a"));
  WriteTestRevision(*store_, "r1",
                    {{"etc/a", "r1"}, {"etc/b", "r1"}, {"inner/f", "r1"}, {"one/conf", "r1"}});
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  EXPECT_EQ(Read("etc/svc/conf.d/made"), "inner");
  Write("etc/svc/made", "newer");
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(Read("etc/svc/made"), "newer");
}

TEST_F(SymlinkPublisherTest, AReplacedOrRemovedSymlinkIsNotPublished) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  fs::remove(root_ / "etc/one.conf");
  Write("etc/one.conf", "by hand");
  EXPECT_EQ(*publisher->Published(), "");
  fs::remove(root_ / "etc/svc");
  fs::create_symlink(root_ / Tree("r2") / "etc", root_ / "etc/svc");
  auto drift = publisher->Drift("r1", false);
  EXPECT_THAT(PathsOf(drift, Drift::kNotPublished),
              ElementsAre("etc/one.conf", "etc/svc", "etc/svc/conf.d"));
  EXPECT_THAT(drift->front().detail, HasSubstr("not a symlink"));
  EXPECT_EQ((*drift)[1].detail, "shows r2/etc");
}

TEST_F(SymlinkPublisherTest, ARevisionThatWasRemovedIsNotPublishedWithTheReason) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  fs::remove_all((root_ / Tree("r1")).parent_path());
  EXPECT_EQ(*publisher->Published(), "");
  auto drift = publisher->Drift("r1", false);
  EXPECT_THAT(PathsOf(drift, Drift::kNotPublished),
              ElementsAre("etc/one.conf", "etc/svc", "etc/svc/conf.d"));
  EXPECT_THAT(drift->front().detail, HasSubstr("was removed from"));
  fs::remove_all(root_ / "var");
  EXPECT_EQ(*publisher->Published(), "");
  EXPECT_THAT(PathsOf(publisher->Drift("r1", false), Drift::kNotPublished), testing::SizeIs(3));
  WriteTestRevision(*store_, "r4",
                    {{"etc/a", "r4"}, {"etc/b", "r4"}, {"inner/f", "r4"}, {"one/conf", "r4"}});
  ASSERT_EQ(publisher->Publish("r4"), absl::OkStatus());
  ExpectAllShow("r4");
  EXPECT_EQ(*publisher->Published(), "r4");
}

TEST_F(SymlinkPublisherTest, SymlinksIntoTheFormerLayoutAreKeptAndServeForRollback) {
  WriteFormerRevision(
      *store_, "old", 1,
      {{"etc/a", "old"}, {"etc/b", "old"}, {"inner/f", "old"}, {"one/conf", "old"}});
  fs::create_directories(root_ / "etc");
  fs::create_symlink(root_ / "var/svc/old/inner", root_ / "var/svc/old/etc/conf.d");
  fs::create_symlink(root_ / "var/svc/old/etc", root_ / "etc/svc");
  fs::create_symlink(root_ / "var/svc/old/one/conf", root_ / "etc/one.conf");
  Write("etc/svc/made", "mine");
  store_ = *RevisionStore::Open(root_ / "var/svc", StoreAccess::kSymlinks);
  auto publisher = New();
  EXPECT_EQ(*publisher->Published(), "old");
  EXPECT_THAT(*publisher->Drift("old", false), IsEmpty());
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  ASSERT_EQ(publisher->Publish("old"), absl::OkStatus());
  ExpectAllShow("old");
}

TEST_F(SymlinkPublisherTest, AReaderSeesOneRevisionAtATimeOverTwoHundredPublications) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  std::atomic<bool> stop = false;
  std::atomic<int> faults = 0, reads = 0;
  std::thread reader([&] {
    const auto read = [](int directory, const char* name) {
      char text[3] = {};
      Fd file(::openat(directory, name, O_RDONLY | O_CLOEXEC));
      return ::read(file.get(), text, 2) == 2 ? std::string(text) : std::string("(none)");
    };
    while (!stop) {
      Fd directory(::open((root_ / "etc/svc").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const std::string a = read(directory.get(), "a");
      if (a == "(none)" || read(directory.get(), "b") != a ||
          read(directory.get(), "conf.d/f") != a || Read("etc/one.conf").empty()) {
        ++faults;
      }
      ++reads;
    }
  });
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(publisher->Publish(absl::StrCat("r", 1 + (i + 1) % 3)), absl::OkStatus());
  }
  stop = true;
  reader.join();
  EXPECT_EQ(faults, 0);
  EXPECT_GT(reads, 200);
}

// The parents of a place belong to an account that leads them to a directory of root's.
class HostileSymlinkParents : public SymlinkPublisherTest {
 protected:
  HostileSymlinkParents() {
    app_ = root_ / "home/app";
    Write("rootdir/bin/f", "root's");
    fs::create_directories(root_ / "rootdir/empty");
    fs::create_directories(app_ / "empty");
    spec_.directories = {{app_ / "bin", "etc"}, {app_ / "empty", "inner"}};
    fs::permissions(root_, fs::perms(0755));
    for (const char* name : {"home", "home/app", "home/app/empty"}) {
      EXPECT_EQ(::chown((root_ / name).c_str(), kAttackerUid, kAttackerGid), 0);
    }
  }
  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "only root can become another account";
  }

  void LeadAway() const {
    fs::rename(app_, root_ / "home/away");
    fs::create_symlink("../rootdir", app_);
    ASSERT_EQ(::lchown(app_.c_str(), kAttackerUid, kAttackerGid), 0);
  }
  void ExpectRootsUntouched() const {
    EXPECT_EQ(Read("rootdir/bin/f"), "root's");
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(root_ / "rootdir/bin")));
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(root_ / "rootdir/empty")));
    EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "rootdir"), {}), 2);
  }

  fs::path app_;
};

TEST_F(HostileSymlinkParents, NothingIsPublishedThroughTheirSymlinkAndWhatWasDoneIsTakenBack) {
  for (const char* place : {"bin", "empty"}) {
    auto publisher = NewSymlinkPublisher(
        {.spec = spec_, .store = store_.get(), .before_replace = [&](const std::string& local) {
           if (local == app_ / place) LeadAway();
           return absl::OkStatus();
         }});
    EXPECT_EQ(publisher->Publish("r1").code(), absl::StatusCode::kFailedPrecondition) << place;
    ExpectRootsUntouched();
    fs::remove(app_);
    fs::rename(root_ / "home/away", app_);
    EXPECT_FALSE(fs::exists(fs::symlink_status(app_ / "bin"))) << place;
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(app_ / "empty"))) << place;
  }
  EXPECT_EQ(New()->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(Read("home/app/bin/a"), "r1");
}

TEST_F(HostileSymlinkParents, OneWhoFlipsThemAllTheTimeGetsNothingWrittenElsewhere) {
  constexpr int kRounds = 300;
  {
    const ParentFlipper attacker(app_, root_ / "rootdir");
    for (int i = 0; i < kRounds; ++i) {
      New()->Publish(absl::StrCat("r", 1 + i % 3)).IgnoreError();
      ExpectRootsUntouched();
    }
  }
  EXPECT_EQ(New()->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(Read("home/app/bin/a"), "r1");
  EXPECT_EQ(Read("home/app/empty/f"), "r1");
}

}  // namespace
}  // namespace gitops
