#include "agent/publish/bind_publisher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "agent/publish/mount_sandbox.h"
#include "agent/publish/test_revisions.h"

namespace gitops {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Drift = DriftEntry::Kind;

class BindPublisherTest : public testing::TestWithParam<ExchangeWay> {
 protected:
  BindPublisherTest() : box_(MountSandbox::Kind::kShared) {
    auto store = RevisionStore::Open(box_.Path("var/svc"));
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    for (const char* revision : {"r1", "r2", "r3"}) {
      WriteTestRevision(*store_, revision,
                        {{"etc/a", revision},
                         {"etc/b", revision},
                         {"etc/sites/x", revision},
                         {"inner/f", revision},
                         {"one/conf", revision}});
    }
    spec_.service = "svc";
    spec_.directories = {{box_.Path("etc/svc/conf.d"), "inner"},
                         {box_.Path("etc/svc"), "etc"},
                         {box_.Path("etc/one.conf"), "one/conf", true}};
  }

  BindPublisherOptions Options() {
    return {.spec = spec_, .store = store_.get(), .way = GetParam()};
  }
  std::unique_ptr<Publisher> New() { return NewBindPublisher(Options()); }
  std::string Read(absl::string_view path) const { return ReadTestFile(box_.Path(path)); }
  std::vector<std::string> PathsOf(const absl::StatusOr<std::vector<DriftEntry>>& drift,
                                   Drift kind) const {
    EXPECT_TRUE(drift.ok()) << drift.status();
    std::vector<std::string> paths;
    if (!drift.ok()) return paths;
    for (const DriftEntry& entry : *drift) {
      if (entry.kind == kind) paths.push_back(entry.path.substr(box_.Path("").size()));
    }
    return paths;
  }
  void ExpectAllShow(const std::string& revision) const {
    for (const char* path : {"etc/svc/a", "etc/svc/b", "etc/svc/conf.d/f", "etc/one.conf"}) {
      EXPECT_EQ(Read(path), revision) << path;
    }
  }
  static void RemoveAsFarAsPossible(const std::string& path) {
    EXPECT_NE(std::system(absl::StrCat("rm -rf '", path, "' 2> /dev/null").c_str()), 0);
  }

  MountSandbox box_;
  std::unique_ptr<RevisionStore> store_;
  ServiceSpec spec_;
};

TEST_P(BindPublisherTest, PublishesEveryPlaceCreatesTargetsAndKeepsOneMountEach) {
  auto publisher = New();
  EXPECT_EQ(*publisher->Published(), "");
  for (const char* revision : {"r1", "r2", "r1", "r3", "r3"}) {
    ASSERT_EQ(publisher->Publish(revision), absl::OkStatus());
    ExpectAllShow(revision);
    EXPECT_EQ(*publisher->Published(), revision);
    EXPECT_EQ(box_.MountCount(), 3);
    auto drift = publisher->Drift(revision, true);
    ASSERT_TRUE(drift.ok()) << drift.status();
    EXPECT_THAT(*drift, IsEmpty());
  }
  EXPECT_EQ(*New()->Published(), "r3");
}

TEST_P(BindPublisherTest, CreatedTargetsBelongToTheOwnerOfTheDirectoryTheyLieIn) {
  constexpr uid_t kTheirs = 54321;
  // In a user namespace only root is mapped.
  const bool mapped = ::chown(box_.MakeDirectory("etc").c_str(), kTheirs, kTheirs) == 0;
  spec_.directories.push_back({box_.Path("srv/svc"), "etc"});
  ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
  for (const char* place : {"etc/svc", "srv/svc"}) {
    while (::umount2(box_.Path(place).c_str(), MNT_DETACH) == 0) {
    }
  }
  struct stat stat = {};
  ASSERT_EQ(::stat(box_.Path("etc/svc").c_str(), &stat), 0);
  EXPECT_EQ(stat.st_uid, mapped ? kTheirs : 0);
  ASSERT_EQ(::stat(box_.Path("srv/svc").c_str(), &stat), 0);
  EXPECT_EQ(stat.st_uid, 0u);
}

TEST_P(BindPublisherTest, UnknownUserAndUnknownRevisionChangeNothing) {
  EXPECT_EQ(New()->Publish("r9").code(), absl::StatusCode::kNotFound);
  spec_.user = "no-such-user-here";
  const absl::Status status = New()->Publish("r1");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-user-here"));
  EXPECT_EQ(box_.MountCount(), 0);
  EXPECT_FALSE(fs::exists(box_.Path("etc")));
}

TEST_P(BindPublisherTest, WhatIsInTheWayIsNamedAndKept) {
  box_.MakeDirectory("etc");
  fs::create_symlink("/elsewhere", box_.Path("etc/one.conf"));
  absl::Status status = New()->Publish("r1");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("a symlink to /elsewhere"));
  EXPECT_FALSE(fs::exists(box_.Path("etc/svc")));
  fs::remove(box_.Path("etc/one.conf"));
  box_.MakeDirectory("etc/one.conf");
  status = New()->Publish("r1");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("a directory is in the way"));
  EXPECT_EQ(box_.MountCount(), 0);
}

TEST_P(BindPublisherTest, RevisionWithoutTheLinkIsRefusedAndTheOldStays) {
  WriteTestRevision(*store_, "bad", {{"etc/a", "bad"}, {"inner/f", "bad"}});
  WriteTestRevision(*store_, "sly", {{"etc", "-> /etc"}, {"inner/f", "sly"}, {"one/conf", "sly"}});
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(publisher->Publish("bad").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(publisher->Publish("sly").code(), absl::StatusCode::kFailedPrecondition);
  ExpectAllShow("r1");
}

TEST_P(BindPublisherTest, AFailureInTheMiddleTakesEverythingBack) {
  const std::string last = box_.Path("etc/svc/conf.d");
  bool fail = true;
  BindPublisherOptions options = Options();
  options.before_step = [&](absl::string_view step, const std::string& target) {
    return fail && target == last ? absl::InternalError("injected") : absl::OkStatus();
  };
  auto publisher = NewBindPublisher(options);
  EXPECT_EQ(publisher->Publish("r1").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(box_.MountCount(), 0);
  EXPECT_FALSE(fs::exists(box_.Path("etc")));
  fail = false;
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  fail = true;
  EXPECT_EQ(publisher->Publish("r2").code(), absl::StatusCode::kInternal);
  ExpectAllShow("r1");
  EXPECT_EQ(*publisher->Published(), "r1");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, APublicationCutShortIsNotPublishedAndIsFinishedLater) {
  ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
  ServiceSpec part = spec_;
  part.directories = {{box_.Path("etc/svc"), "etc"}};
  ASSERT_EQ(
      NewBindPublisher({.spec = part, .store = store_.get(), .way = GetParam()})->Publish("r2"),
      absl::OkStatus());
  auto publisher = New();
  EXPECT_EQ(*publisher->Published(), "");
  EXPECT_THAT(PathsOf(publisher->Drift("r2", false), Drift::kNotPublished),
              ElementsAre("etc/one.conf", "etc/svc/conf.d"));
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  ExpectAllShow("r2");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, ReadOnlyPlacesCannotBeWrittenTo) {
  spec_.writable = false;
  auto publisher = New();
  for (const char* revision : {"r1", "r2"}) {
    ASSERT_EQ(publisher->Publish(revision), absl::OkStatus());
    ExpectAllShow(revision);
    for (const char* path : {"etc/svc/a", "etc/svc/conf.d/f", "etc/one.conf"}) {
      EXPECT_LT(::open(box_.Path(path).c_str(), O_WRONLY), 0);
      EXPECT_EQ(errno, EROFS) << path;
    }
  }
}

TEST_P(BindPublisherTest, FilesTheServiceMadeSurviveAndTrackedChangesDoNot) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/made", "mine");
  box_.Write("etc/svc/deep/er/made", "mine");
  box_.Write("etc/svc/conf.d/made", "inner");
  box_.Write("etc/svc/a", "changed by hand");
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  ExpectAllShow("r2");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  EXPECT_EQ(Read("etc/svc/deep/er/made"), "mine");
  EXPECT_EQ(Read("etc/svc/conf.d/made"), "inner");
  EXPECT_THAT(PathsOf(publisher->Drift("r2", true), Drift::kUntracked),
              ElementsAre("etc/svc/conf.d/made", "etc/svc/deep/er/made", "etc/svc/made"));

  fs::remove(box_.Path("etc/svc/made"));
  box_.Write("etc/svc/conf.d/made", "inner, newer");
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_FALSE(fs::exists(box_.Path("etc/svc/made")));
  EXPECT_EQ(Read("etc/svc/conf.d/made"), "inner, newer");
}

TEST_P(BindPublisherTest, WhoHasAFileOpenGoesOnWritingToWhatIsPublished) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/log/service.log", "1");
  const Fd service(
      ::open(box_.Path("etc/svc/log/service.log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  struct stat open_file = {}, published = {};
  ASSERT_EQ(::fstat(service.get(), &open_file), 0);
  std::string expected = "1";
  for (const char* revision : {"r2", "r3", "r1"}) {
    ASSERT_EQ(publisher->Publish(revision), absl::OkStatus());
    ASSERT_EQ(::write(service.get(), "+", 1), 1);
    EXPECT_EQ(Read("etc/svc/log/service.log"), expected += "+") << revision;
    ASSERT_EQ(::stat(box_.Path("etc/svc/log/service.log").c_str(), &published), 0);
    EXPECT_EQ(published.st_ino, open_file.st_ino);
  }
}

TEST_P(BindPublisherTest, AfterARebootFilesComeFromTheRevisionThatWasPublishedLast) {
  ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/made", "mine");
  ASSERT_EQ(::umount2(box_.Path("etc/svc").c_str(), MNT_DETACH), 0);
  ASSERT_EQ(::umount2(box_.Path("etc/one.conf").c_str(), MNT_DETACH), 0);
  BindPublisherOptions options = Options();
  options.last_published = "r1";
  ASSERT_EQ(NewBindPublisher(options)->Publish("r2"), absl::OkStatus());
  ExpectAllShow("r2");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
}

TEST_P(BindPublisherTest, ARevisionWrittenAnewIsPublishedAnewWithWhatTheServiceMade) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/made", "mine");
  box_.Write("etc/svc/a", "changed by hand");
  EXPECT_THAT(PathsOf(publisher->Drift("r1", false), Drift::kModified), ElementsAre("etc/svc/a"));
  WriteTestRevision(*store_, "r1",
                    {{"etc/a", "r1"}, {"etc/b", "r1"}, {"inner/f", "r1"}, {"one/conf", "r1"}});
  EXPECT_EQ(Read("etc/svc/a"), "changed by hand") << "until it is published";
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, AfterARebootFilesDoNotComeFromAnEarlierWritingOfTheSameRevision) {
  const std::map<std::string, std::string> files = {
      {"etc/a", "r1"}, {"etc/b", "r1"}, {"inner/f", "r1"}, {"one/conf", "r1"}};
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/deleted", "later");
  WriteTestRevision(*store_, "r1", files);
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  fs::remove(box_.Path("etc/svc/deleted"));
  box_.Write("etc/svc/made", "mine");
  ASSERT_EQ(::umount2(box_.Path("etc/svc").c_str(), MNT_DETACH), 0);
  ASSERT_EQ(::umount2(box_.Path("etc/one.conf").c_str(), MNT_DETACH), 0);
  BindPublisherOptions options = Options();
  options.last_published = "r1";
  ASSERT_EQ(NewBindPublisher(options)->Publish("r1"), absl::OkStatus());
  EXPECT_FALSE(fs::exists(box_.Path("etc/svc/deleted")));
  EXPECT_EQ(Read("etc/svc/made"), "mine");
}

TEST_P(BindPublisherTest, AfterARebootFilesComeFromWhatWasShownAlthoughThePublicationDidNotNoteIt) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/deleted", "later");
  const std::string first = *store_->LastPublished();
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  // The agent was killed between the two.
  ASSERT_EQ(store_->NotePublished(first), absl::OkStatus());
  publisher = New();
  EXPECT_EQ(*publisher->Published(), "r2");
  fs::remove(box_.Path("etc/svc/deleted"));
  box_.Write("etc/svc/made", "mine");
  ASSERT_EQ(::umount2(box_.Path("etc/svc").c_str(), MNT_DETACH), 0);
  ASSERT_EQ(::umount2(box_.Path("etc/one.conf").c_str(), MNT_DETACH), 0);
  BindPublisherOptions options = Options();
  options.last_published = "r2";
  ASSERT_EQ(NewBindPublisher(options)->Publish("r2"), absl::OkStatus());
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  EXPECT_FALSE(fs::exists(box_.Path("etc/svc/deleted")));
}

TEST_P(BindPublisherTest, AManifestThatIsLostCostsNoFileOfTheService) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/made", "mine");
  std::ofstream(store_->root() + "/" + *store_->LastPublished() + "/manifest");
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  ExpectAllShow("r2");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
}

TEST_P(BindPublisherTest, ARevisionThatWasRemovedIsNotPublishedWithTheReason) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  // As far as it goes: the mount point of the inner place is busy.
  RemoveAsFarAsPossible(store_->root() + "/" + *store_->Newest("r1"));
  EXPECT_EQ(*publisher->Published(), "");
  auto drift = publisher->Drift("r1", false);
  EXPECT_THAT(PathsOf(drift, Drift::kNotPublished),
              ElementsAre("etc/one.conf", "etc/svc", "etc/svc/conf.d"));
  EXPECT_THAT(drift->front().detail, HasSubstr("was removed from"));
  RemoveAsFarAsPossible(store_->root());
  EXPECT_EQ(*publisher->Published(), "");
  WriteTestRevision(*store_, "r1",
                    {{"etc/a", "r1"}, {"etc/b", "r1"}, {"inner/f", "r1"}, {"one/conf", "r1"}});
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(*publisher->Published(), "r1");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, AMountThatIsWritableThoughItShouldNotBeIsNotRight) {
  ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
  const std::string one = box_.Path("etc/one.conf");
  for (const bool writable : {false, true}) {
    spec_.writable = writable;
    const unsigned long wrong = writable ? MS_RDONLY : 0;
    ASSERT_EQ(New()->Publish("r1"), absl::OkStatus());
    EXPECT_EQ(*New()->Published(), "r1");
    ASSERT_EQ(::mount("none", one.c_str(), nullptr, MS_REMOUNT | MS_BIND | wrong, nullptr), 0);
    EXPECT_EQ(*New()->Published(), "") << writable;
    auto drift = New()->Drift("r1", false);
    EXPECT_THAT(PathsOf(drift, Drift::kNotPublished), ElementsAre("etc/one.conf"));
    ASSERT_TRUE(drift.ok() && !drift->empty());
    EXPECT_THAT(drift->front().detail, HasSubstr("`writable"));
  }
}

TEST_P(BindPublisherTest, MountsOfTheFormerLayoutAreKeptAndServeForRollback) {
  WriteFormerRevision(*store_, "old", 1,
                      {{"etc/a", "old"},
                       {"etc/b", "old"},
                       {"etc/conf.d/.x", ""},
                       {"inner/f", "old"},
                       {"one/conf", "old"}});
  for (const auto& [link, local] : {std::pair("etc", "etc/svc"), {"inner", "etc/svc/conf.d"}}) {
    fs::create_directories(box_.Path(local));
    const std::string source = store_->root() + "/old/" + link, target = box_.Path(local);
    ASSERT_EQ(::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(::mount("none", target.c_str(), nullptr, MS_PRIVATE, nullptr), 0);
  }
  box_.Write("etc/one.conf", "");
  ASSERT_EQ(::mount((store_->root() + "/old/one/conf").c_str(), box_.Path("etc/one.conf").c_str(),
                    nullptr, MS_BIND, nullptr),
            0);
  box_.Write("etc/svc/made", "mine");
  store_ = *RevisionStore::Open(store_->root());
  auto publisher = New();
  EXPECT_EQ(*publisher->Published(), "old");
  EXPECT_EQ(box_.MountCount(), 3);
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  ASSERT_EQ(publisher->Publish("old"), absl::OkStatus());
  ExpectAllShow("old");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, ARollbackTargetThatItsUserFilledIsWrittenAgain) {
  spec_.max_untracked_files = 10;
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  box_.Write("etc/svc/made", "mine");
  const std::string first = *store_->Newest("r1");
  const fs::path stale = store_->TreePath(first) + "/etc/stale";
  fs::create_directories(stale);
  for (int i = 0; i < 30; ++i) std::ofstream(stale / std::to_string(i)) << "x";
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(*publisher->Published(), "r1");
  EXPECT_EQ(Read("etc/svc/made"), "mine");
  EXPECT_FALSE(fs::exists(box_.Path("etc/svc/stale")));
  EXPECT_NE(*store_->Newest("r1"), first);
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, ARollbackTargetInWhichItsUserBlocksAnInnerPlaceIsWrittenAgain) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ASSERT_EQ(publisher->Publish("r2"), absl::OkStatus());
  const fs::path inner = store_->TreePath(*store_->Newest("r1")) + "/etc/conf.d";
  fs::remove(inner);
  std::ofstream(inner) << "in the way";
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  ExpectAllShow("r1");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, DriftNamesChangesAndPlacesThatShowSomethingElse) {
  auto publisher = New();
  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  box_.Write("etc/svc/a", "changed by hand");
  fs::remove(box_.Path("etc/svc/sites/x"));
  box_.Write("etc/svc/made", "");
  auto drift = publisher->Drift("r1", true);
  EXPECT_THAT(PathsOf(drift, Drift::kModified), ElementsAre("etc/svc/a"));
  EXPECT_THAT(PathsOf(drift, Drift::kDeleted), ElementsAre("etc/svc/sites/x"));
  EXPECT_THAT(PathsOf(drift, Drift::kUntracked), ElementsAre("etc/svc/made"));
  EXPECT_THAT(PathsOf(publisher->Drift("r1", false), Drift::kUntracked), IsEmpty());

  ASSERT_EQ(::mount("admin", box_.Path("etc/svc/conf.d").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(::umount2(box_.Path("etc/one.conf").c_str(), MNT_DETACH), 0);
  EXPECT_EQ(*publisher->Published(), "");
  drift = publisher->Drift("r1", false);
  EXPECT_THAT(PathsOf(drift, Drift::kNotPublished), ElementsAre("etc/one.conf", "etc/svc/conf.d"));
  EXPECT_THAT(drift->front().detail, HasSubstr("nothing is mounted"));
  EXPECT_THAT((*drift)[2].detail, HasSubstr("tmpfs"));

  ASSERT_EQ(publisher->Publish("r1"), absl::OkStatus());
  EXPECT_EQ(*publisher->Published(), "r1");
  EXPECT_EQ(box_.MountCount(), 3);
}

TEST_P(BindPublisherTest, AReaderSeesOneRevisionAtATimeOverTwoHundredPublications) {
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
      Fd directory(::open(box_.Path("etc/svc").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const std::string a = read(directory.get(), "a");
      if (a == "(none)" || read(directory.get(), "b") != a || Read("etc/one.conf").empty() ||
          Read("etc/svc/conf.d/f").size() != 2 || read(directory.get(), "sites/x") != a) {
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
  EXPECT_EQ(box_.MountCount(), 3);
}

INSTANTIATE_TEST_SUITE_P(BothWays, BindPublisherTest,
                         testing::Values(ExchangeWay::kBeneath, ExchangeWay::kPropagation),
                         [](const testing::TestParamInfo<ExchangeWay>& info) {
                           return info.param == ExchangeWay::kBeneath ? "Beneath" : "Propagation";
                         });

}  // namespace
}  // namespace gitops

int main(int argc, char** argv) { return gitops::RunTestsInMountNamespace(argc, argv); }
