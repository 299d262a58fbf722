#include "agent/nix/profile_drivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/nix/fake_hydra.h"
#include "agent/nix/store_path.h"
#include "agent/nix/test_store.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A service on a real store, whose build server has a job "web".
class ProfileDriversTest : public ::testing::Test {
 protected:
  ProfileDriversTest() {
    store_.directory().Write("netrc", "");
    upstream_ = std::make_shared<HydraUpstream>(
        Hydra({.http = http_.get(), .netrc_file = store_.directory() / "netrc"}), server_.url(),
        store_.host().store);
    store_.Configure(store_.cache_url(), /*trust_key=*/true);
    Start();
  }

  // As after a start of the agent.
  void Start() {
    ProfileOptions options;
    options.service = "web";
    options.profile = "web";
    options.state_directory = store_.directory() / "state/web";
    options.nix = &nix_;
    options.runner = &store_.runner();
    options.upstream = upstream_;
    options.ref = "proj:main:web";
    drivers_ = NewProfileDrivers(std::move(options));
  }

  // A package whose activation appends `name` to a file, in the cache only.
  std::string MakePath(const std::string& name, const std::string& more = "") {
    std::string path = store_.Build(name, absl::StrCat("#!/bin/sh\necho ", name, " >> ",
                                                       store_.directory() / "ran", "\n", more));
    store_.MoveToCache(path, /*sign=*/true);
    return path;
  }
  std::string Revision(const std::string& path) const {
    return RevisionOf(path, store_.host().store);
  }
  std::string Newest() {
    const auto tips = upstream_->Newest({"proj:main:web"}, {});
    EXPECT_TRUE(tips.ok()) << tips.status();
    return tips.ok() ? tips->at("proj:main:web").value_or("") : "";
  }
  absl::Status Publish(const std::string& revision) {
    return drivers_.publisher->Publish(revision);
  }
  // Moves to the path as the controller does.
  void MoveTo(const std::string& path) {
    ASSERT_TRUE(drivers_.source->Prepare(Revision(path), false).ok());
    ASSERT_TRUE(Publish(Revision(path)).ok());
    ASSERT_TRUE(drivers_.activator->Activate(false).ok());
  }
  std::string Ran() const { return store_.directory().Read("ran"); }
  std::string Shown() const { return Nix::Read(store_.profile())->path; }

  TestStore store_;
  const Nix nix_{{.runner = &store_.runner(), .host = store_.host()}};
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  FakeHydra server_;
  std::shared_ptr<HydraUpstream> upstream_;
  ProfileDrivers drivers_;
};

TEST_F(ProfileDriversTest, TheLatestBuildIsFetchedShownByTheProfileAndActivated) {
  const std::string path = MakePath("web-1");
  server_.Evaluate({{"web", path}});
  const std::string revision = Newest();
  EXPECT_EQ(revision, Revision(path));
  EXPECT_EQ(revision.size(), 40);
  const absl::Status prepared = drivers_.source->Prepare(revision, false);
  ASSERT_TRUE(prepared.ok()) << prepared;
  EXPECT_TRUE(store_.Has(path));
  EXPECT_EQ(Shown(), "");
  EXPECT_THAT(drivers_.source->Ready(), ElementsAre(revision));
  ASSERT_TRUE(Publish(revision).ok());
  EXPECT_EQ(Shown(), path);
  EXPECT_EQ(*drivers_.publisher->Published(), revision);
  EXPECT_EQ(Ran(), "");
  ASSERT_TRUE(drivers_.activator->Activate(true).ok());
  EXPECT_EQ(Ran(), "web-1\n");
  EXPECT_EQ(drivers_.source->Describe(revision, {}).subject, "web-1 (build 101)");
}

TEST_F(ProfileDriversTest, WhatIsPreparedAndNotShownYetIsNotCollected) {
  const std::string path = MakePath("web-1");
  server_.Evaluate({{"web", path}});
  ASSERT_TRUE(drivers_.source->Prepare(Newest(), false).ok());
  store_.CollectGarbage();
  EXPECT_TRUE(store_.Has(path));
  EXPECT_TRUE(Publish(Revision(path)).ok());
}

TEST_F(ProfileDriversTest, AfterARestartNothingCountsAsPublishedUntilItWasActivatedAgain) {
  const std::string path = MakePath("web-1");
  server_.Evaluate({{"web", path}});
  MoveTo(path);
  Start();
  EXPECT_EQ(*drivers_.publisher->Published(), "");
  // Without the build server and the cache.
  server_.Answer("/job/proj/main/web/latest", {.status = 500, .body = "", .headers = {}});
  store_.Configure("", false);
  ASSERT_THAT(drivers_.source->Ready(), ElementsAre(Revision(path)));
  MoveTo(path);
  EXPECT_EQ(*drivers_.publisher->Published(), Revision(path));
  EXPECT_EQ(Ran(), "web-1\nweb-1\n");
  EXPECT_EQ(Nix::Read(store_.profile())->generations.size(), 1);
}

TEST_F(ProfileDriversTest, ATipOfBeforeTheRestartIsAskedForAgain) {
  const std::string path = MakePath("web-1");
  server_.Evaluate({{"web", path}});
  const absl::Status status = drivers_.source->Prepare(Revision(path), false);
  EXPECT_TRUE(status.ok()) << status;
  const absl::Status unknown = drivers_.source->Prepare(std::string(40, 'a'), false);
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("not the newest build of proj:main:web"));
}

TEST_F(ProfileDriversTest, ARollbackToAGenerationNeedsNoNetwork) {
  const std::string one = MakePath("web-1"), two = MakePath("web-2");
  server_.Evaluate({{"web", one}});
  MoveTo(one);
  server_.Evaluate({{"web", two}});
  Newest();
  MoveTo(two);
  server_.Answer("/job/proj/main/web/latest", {.status = 500, .body = "", .headers = {}});
  store_.Configure("", false);
  const auto found = drivers_.source->Resolve(Revision(one).substr(0, 8));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, Revision(one));
  MoveTo(one);
  EXPECT_EQ(Shown(), one);
  EXPECT_EQ(Ran(), "web-1\nweb-2\nweb-1\n");
}

TEST_F(ProfileDriversTest, ARollbackToAnyPathOfTheStoreGetsItFirst) {
  const std::string path = MakePath("web-0");
  const auto found = drivers_.source->Resolve(path);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(*found, Revision(path));
  MoveTo(path);
  EXPECT_EQ(Shown(), path);
  for (const char* none : {"/etc/passwd", "/nix/store/none"}) {
    EXPECT_EQ(drivers_.source->Resolve(none).status().code(), absl::StatusCode::kNotFound) << none;
  }
  std::string gone = path;
  char& digit = gone[store_.host().store.size() + 1];
  digit = digit == '0' ? '1' : '0';
  EXPECT_EQ(drivers_.source->Resolve(gone).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ProfileDriversTest, AnUnknownPrefixIsNotFoundAndOneWithoutAnAnswerIsUnavailable) {
  const absl::Status unknown = drivers_.source->Resolve("ffff").status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound) << unknown;
  server_.Answer("/job/proj/main/web/latest", {.status = 500, .body = "", .headers = {}});
  EXPECT_EQ(drivers_.source->Resolve("ffff").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ProfileDriversTest, APublicationThatMayNotHappenChangesNothing) {
  const std::string path = MakePath("web-1");
  server_.Evaluate({{"web", path}});
  ASSERT_TRUE(drivers_.source->Prepare(Newest(), false).ok());
  bool exchanged = false;
  const absl::Status status = drivers_.publisher->Publish(
      Revision(path), [] { return absl::AbortedError("frozen"); }, [&] { exchanged = true; }, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(exchanged);
  EXPECT_EQ(Shown(), "");
  EXPECT_EQ(Publish(std::string(40, 'b')).code(), absl::StatusCode::kNotFound);
}

TEST_F(ProfileDriversTest, ACacheWithoutThePathLeavesTheFormerOne) {
  const std::string one = MakePath("web-1");
  server_.Evaluate({{"web", one}});
  MoveTo(one);
  const std::string two = MakePath("web-2");
  server_.Evaluate({{"web", two}});
  std::filesystem::remove_all(store_.directory() / "cache");
  const absl::Status status = drivers_.source->Prepare(Newest(), false);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(Shown(), one);
  EXPECT_THAT(drivers_.source->Ready(), ElementsAre(Revision(one)));
}

TEST_F(ProfileDriversTest, AProfileThatSomebodyMovedIsTold) {
  const std::string one = MakePath("web-1");
  server_.Evaluate({{"web", one}});
  MoveTo(one);
  EXPECT_THAT(*drivers_.publisher->Drift(Revision(one), false), IsEmpty());
  const std::string other = store_.Build("other-1", "#!/bin/sh\n");
  ASSERT_TRUE(nix_.Set("web", other, {}).ok());
  const auto drift = drivers_.publisher->Drift(Revision(one), false);
  ASSERT_TRUE(drift.ok()) << drift.status();
  ASSERT_EQ(drift->size(), 1);
  EXPECT_EQ((*drift)[0].path, store_.profile());
  EXPECT_THAT((*drift)[0].detail, HasSubstr(other));
  EXPECT_EQ(*drivers_.publisher->Published(), Revision(other));
}

TEST_F(ProfileDriversTest, OldRevisionsGoWithTheirRootsAndThoseInUseStay) {
  std::vector<std::string> paths;
  for (int i = 1; i <= 5; ++i) {
    paths.push_back(MakePath(absl::StrCat("web-", i)));
    server_.Evaluate({{"web", paths.back()}});
    Newest();
    MoveTo(paths.back());
  }
  ASSERT_TRUE(drivers_.source->Prune(2, {Revision(paths[0])}).ok());
  store_.CollectGarbage();
  EXPECT_TRUE(store_.Has(paths[0]));
  EXPECT_FALSE(store_.Has(paths[1]));
  EXPECT_FALSE(store_.Has(paths[2]));
  EXPECT_TRUE(store_.Has(paths[3]));
  EXPECT_TRUE(store_.Has(paths[4]));
  EXPECT_EQ(drivers_.source->Ready().size(), 3);
  EXPECT_FALSE(*drivers_.publisher->IsIntact(Revision(paths[1])));
  EXPECT_TRUE(*drivers_.publisher->IsIntact(Revision(paths[0])));
}

TEST_F(ProfileDriversTest, AFailedActivationHasItsOutputAndAStoppedOneIsCancelled) {
  const std::string path = MakePath("web-1", "echo no database >&2; exit 7\n");
  server_.Evaluate({{"web", path}});
  ASSERT_TRUE(drivers_.source->Prepare(Newest(), false).ok());
  ASSERT_TRUE(Publish(Revision(path)).ok());
  const absl::Status status = drivers_.activator->Activate(false);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("exit status 7"), HasSubstr("no database")));
  drivers_.activator->Stop();
  EXPECT_EQ(drivers_.activator->Activate(false).code(), absl::StatusCode::kCancelled);
}

TEST_F(ProfileDriversTest, ForeignThingsAmongTheRootsAreNoRevisions) {
  const std::string roots = store_.directory() / "state/web/roots";
  store_.directory().Write("state/web/roots/file", "");
  ASSERT_EQ(symlink("/etc", (roots + "/" + std::string(40, 'a')).c_str()), 0);
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  ASSERT_EQ(symlink(path.c_str(), (roots + "/" + std::string(40, 'b')).c_str()), 0);
  EXPECT_THAT(drivers_.source->Ready(), IsEmpty());
  EXPECT_EQ(Publish(std::string(40, 'a')).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
