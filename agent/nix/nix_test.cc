#include "agent/nix/nix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/nix/nix_error.h"
#include "agent/nix/test_store.h"
#include "common/process/fake_process.h"
#include "common/rpc/state_reason.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class NixTest : public ::testing::Test {
 protected:
  std::string Root(const std::string& name = "root") const {
    return store_.directory() / ("roots/" + name);
  }
  ProfileContent Content() const {
    const auto content = Nix::Read(store_.profile());
    EXPECT_TRUE(content.ok()) << content.status();
    return content.value_or(ProfileContent());
  }
  std::string SetNew(const std::string& name) {
    std::string path = store_.Build(name, "#!/bin/sh\n");
    const absl::Status status = nix_.Set("web", path, {});
    EXPECT_TRUE(status.ok()) << status;
    return path;
  }
  std::vector<int64_t> Numbers() const {
    std::vector<int64_t> numbers;
    for (const Generation& generation : Content().generations) numbers.push_back(generation.number);
    return numbers;
  }

  TestStore store_;
  const Nix nix_{{.runner = &store_.runner(), .host = store_.host()}};
};

TEST_F(NixTest, TheInstalledVersionIsTold) {
  const auto version = nix_.Version({});
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_THAT(*version, HasSubstr("."));
}

TEST_F(NixTest, ASignedPathComesFromTheCacheAndItsRootKeepsIt) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  store_.MoveToCache(path, /*sign=*/true);
  ASSERT_FALSE(store_.Has(path));
  store_.Configure(store_.cache_url(), /*trust_key=*/true);
  const absl::Status status = nix_.Realise(path, Root(), {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(store_.Has(path + "/bin/activate"));
  store_.CollectGarbage();
  EXPECT_TRUE(store_.Has(path));
  ASSERT_EQ(unlink(Root().c_str()), 0);
  store_.CollectGarbage();
  EXPECT_FALSE(store_.Has(path));
}

TEST_F(NixTest, APathThatIsThereNeedsNoCache) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  EXPECT_TRUE(nix_.Realise(path, Root(), {}).ok());
}

TEST_F(NixTest, AnUnsignedPathIsRefusedAndTheSettingIsNamed) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  store_.MoveToCache(path, /*sign=*/false);
  store_.Configure(store_.cache_url(), /*trust_key=*/true);
  const absl::Status status = nix_.Realise(path, Root(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(StateReasonOf(status), StateReason::kRefusedContent);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path), HasSubstr("is not signed"), HasSubstr("trusted-public-keys")));
  EXPECT_FALSE(store_.Has(path));
}

TEST_F(NixTest, ASignatureOfAKeyThatIsNotTrustedIsRefused) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  store_.MoveToCache(path, /*sign=*/true);
  store_.Configure(store_.cache_url(), /*trust_key=*/false);
  const absl::Status status = nix_.Realise(path, Root(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_FALSE(store_.Has(path));
}

TEST_F(NixTest, ACacheWithoutThePathIsNotFound) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  store_.MoveToCache(store_.Build("other-1", "#!/bin/sh\n"), /*sign=*/true);
  store_.CollectGarbage();
  store_.Configure(store_.cache_url(), /*trust_key=*/true);
  const absl::Status status = nix_.Realise(path, Root(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path), HasSubstr("no substituter")));
}

TEST_F(NixTest, ACacheThatIsDownIsUnavailable) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  store_.CollectGarbage();
  // Nothing listens on the port that is reserved for tcpmux.
  store_.Configure("http://127.0.0.1:1", /*trust_key=*/true);
  const absl::Status status = nix_.Realise(path, Root(), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(StateReasonOf(status), StateReason::kUpstreamUnreachable);
}

// Calls `function` on a thread that sees mounts of its own.
void WithOwnMounts(const std::function<void()>& function) {
  std::thread thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    function();
  });
  thread.join();
}

TEST_F(NixTest, AFullDiskIsToldAsSuchAndLeavesNoHalfPath) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount a full disk";
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  store_.MoveToCache(path, /*sign=*/true);
  store_.Configure(store_.cache_url(), /*trust_key=*/true);
  absl::Status status;
  WithOwnMounts([&] {
    // One inode is its root directory.
    ASSERT_EQ(mount("full", store_.host().store.c_str(), "tmpfs", 0, "nr_inodes=1"), 0);
    status = nix_.Realise(path, Root(), {});
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(StateReasonOf(status), StateReason::kDisk);
  EXPECT_FALSE(store_.Has(path));
  EXPECT_FALSE(store_.Has(Root()));
  EXPECT_TRUE(nix_.Realise(path, Root(), {}).ok()) << "once there is room";
}

TEST_F(NixTest, AReadOnlyDiskIsToldAsSuchAndTheProfileStays) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount a read-only disk";
  const std::string one = SetNew("web-1");
  const std::string two = store_.Build("web-2", "#!/bin/sh\n");
  absl::Status status;
  WithOwnMounts([&] {
    const char* const state = store_.host().state.c_str();
    ASSERT_EQ(mount(state, state, nullptr, MS_BIND, nullptr), 0);
    ASSERT_EQ(mount(nullptr, state, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
    status = nix_.Set("web", two, {});
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(StateReasonOf(status), StateReason::kDisk);
  EXPECT_EQ(Content().path, one);
}

TEST_F(NixTest, WhatIsNoStorePathNeverReachesNix) {
  for (const char* path : {"", "--version", "/etc", "/nix/store/../etc"}) {
    EXPECT_EQ(nix_.Realise(path, Root(), {}).code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_EQ(nix_.Set("web", path, {}).code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

TEST_F(NixTest, AProfileHasAGenerationForEachPathAndSettingItAgainAddsNone) {
  EXPECT_EQ(Content().current, 0);
  const std::string one = SetNew("web-1");
  EXPECT_TRUE(nix_.Set("web", one, {}).ok());
  const std::string two = SetNew("web-2");
  const ProfileContent content = Content();
  EXPECT_THAT(content.generations, ElementsAre(Generation{1, one}, Generation{2, two}));
  EXPECT_EQ(content.current, 2);
  EXPECT_EQ(content.path, two);
  EXPECT_EQ(*Previous(content), (Generation{1, one}));
  char target[4096] = "";
  EXPECT_GT(readlink(store_.profile().c_str(), target, sizeof target - 1), 0);
  EXPECT_STREQ(target, "web-2-link");
}

TEST_F(NixTest, ProfilesWithNamesThatBeginAlikeAreKeptApart) {
  const std::string one = SetNew("web-1");
  for (const char* other : {"web-2", "web2", "we", "web-2-link-x"}) {
    ASSERT_TRUE(nix_.Set(other, one, {}).ok());
  }
  EXPECT_THAT(Numbers(), ElementsAre(1));
}

TEST_F(NixTest, AnAbsoluteProfileIsKeptFromCollectionToo) {
  const std::string path = store_.Build("web-1", "#!/bin/sh\n");
  const std::string profile = store_.directory() / "elsewhere/deep/web";
  ASSERT_TRUE(nix_.Set(profile, path, {}).ok());
  store_.CollectGarbage();
  EXPECT_TRUE(store_.Has(path));
  EXPECT_EQ(Nix::Read(profile)->path, path);
}

TEST_F(NixTest, SettingAPathThatIsNotThereIsNotFoundAndChangesNothing) {
  const std::string one = SetNew("web-1");
  const std::string gone = store_.Build("gone-1", "#!/bin/sh\n");
  store_.CollectGarbage();
  EXPECT_EQ(nix_.Set("web", gone, {}).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Content().path, one);
}

TEST_F(NixTest, AnOlderGenerationBecomesCurrentAgainWithoutANewOne) {
  const std::string one = SetNew("web-1");
  SetNew("web-2");
  ASSERT_TRUE(nix_.SwitchTo("web", 1, {}).ok());
  EXPECT_EQ(Content().path, one);
  EXPECT_EQ(Content().current, 1);
  EXPECT_EQ(Previous(Content()), nullptr);
  EXPECT_THAT(Numbers(), ElementsAre(1, 2));
  const absl::Status status = nix_.SwitchTo("web", 7, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no generation 7"));
}

TEST_F(NixTest, OldGenerationsAreRemovedWithTheirRootsAndWhatIsNeededStays) {
  std::vector<std::string> paths;
  for (int i = 1; i <= 6; ++i) paths.push_back(SetNew(absl::StrCat("web-", i)));
  ASSERT_TRUE(nix_.SwitchTo("web", 2, {}).ok());
  ASSERT_TRUE(nix_.RemoveOld("web", 2, {paths[2]}, {}).ok());
  // 2 is current, 3 is in use, 5 and 6 are the newest.
  EXPECT_THAT(Numbers(), ElementsAre(2, 3, 5, 6));
  store_.CollectGarbage();
  EXPECT_FALSE(store_.Has(paths[0]));
  EXPECT_TRUE(store_.Has(paths[1]));
  EXPECT_TRUE(store_.Has(paths[2]));
  EXPECT_FALSE(store_.Has(paths[3]));
  ASSERT_TRUE(nix_.RemoveOld("web", 0, {}, {}).ok());
  EXPECT_THAT(Numbers(), ElementsAre(2));
}

TEST_F(NixTest, NothingToRemoveRunsNoProgram) {
  SetNew("web-1");
  const int64_t before = store_.runner().spawned();
  EXPECT_TRUE(nix_.RemoveOld("web", 5, {}, {}).ok());
  EXPECT_TRUE(nix_.RemoveOld("none", 0, {}, {}).ok());
  EXPECT_EQ(Content().current, 1);
  EXPECT_EQ(store_.runner().spawned(), before);
}

TEST_F(NixTest, ARemovedProfileLeavesNothingButOthersStay) {
  const std::string one = SetNew("web-1");
  SetNew("web-2");
  ASSERT_TRUE(nix_.Set("web-2", one, {}).ok());
  ASSERT_TRUE(nix_.RemoveProfile("web").ok());
  EXPECT_THAT(Numbers(), IsEmpty());
  EXPECT_EQ(Content().path, "");
  EXPECT_FALSE(store_.Has(store_.profile()));
  EXPECT_EQ(Nix::Read(nix_.ProfilePath("web-2"))->path, one);
  EXPECT_TRUE(nix_.RemoveProfile("web").ok());
}

TEST_F(NixTest, AProfileThatSomebodyLinkedByHandShowsItsPath) {
  const std::string one = SetNew("web-1");
  const std::string two = store_.Build("web-2", "#!/bin/sh\n");
  ASSERT_EQ(unlink(store_.profile().c_str()), 0);
  ASSERT_EQ(symlink(two.c_str(), store_.profile().c_str()), 0);
  EXPECT_EQ(Content().path, two);
  EXPECT_EQ(Content().current, 0);
  ASSERT_EQ(unlink(store_.profile().c_str()), 0);
  ASSERT_EQ(symlink("web-9-link", store_.profile().c_str()), 0);
  EXPECT_EQ(Content().path, "");
  ASSERT_TRUE(nix_.Set("web", one, {}).ok());
  EXPECT_EQ(Content().path, one);
}

TEST_F(NixTest, AFileAtTheProfilesPlaceIsNoProfile) {
  store_.directory().Write("var/profiles/web", "text");
  const absl::Status status = Nix::Read(store_.profile()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no symlink"));
}

TEST_F(NixTest, ARequestedStopKillsNix) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(nix_.Version(stop.get_token()).status().code(), absl::StatusCode::kCancelled);
}

TEST(NixVersion, AnOldOrMissingNixSaysWhichIsNeeded) {
  FakeProcessRunner runner;
  const Nix nix({.runner = &runner, .host = {}});
  for (const char* fine : {"2.4", "2.8.0", "2.18.1", "2.24pre20240801_abc", "3.0"}) {
    runner.On({"--version"}, {.output = absl::StrCat("nix-store (Nix) ", fine, "\n")});
    EXPECT_TRUE(nix.Version({}).ok()) << fine;
  }
  for (const char* old : {"2.3.16", "1.11", "2.3pre1", ""}) {
    runner.On({"--version"}, {.output = absl::StrCat("nix-store (Nix) ", old, "\n")});
    const absl::Status status = nix.Version({}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << old;
    EXPECT_THAT(std::string(status.message()), HasSubstr("Nix 2.4 or newer is needed")) << old;
  }
  runner.On({"--version"}, absl::NotFoundError("run nix-store: there is no such program"));
  const absl::Status missing = nix.Version({}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(missing.message()),
              AllOf(HasSubstr("not installed"), HasSubstr("install Nix 2.4")));
}

TEST(NixError, TheKindIsToldByWhatNixPrinted) {
  const struct {
    const char* output;
    absl::StatusCode code;
    StateReason reason;
  } cases[] = {
      {"error: writing to file: No space left on device", absl::StatusCode::kResourceExhausted,
       StateReason::kDisk},
      {"error: unable to download 'x': HTTP error 200 (curl error: Failed writing)\n"
       "error: write: No space left on device",
       absl::StatusCode::kResourceExhausted, StateReason::kDisk},
      {"error: creating directory '/nix/store/.links': Read-only file system",
       absl::StatusCode::kFailedPrecondition, StateReason::kDisk},
      {"warning: unable to download 'http://c/nix-cache-info': HTTP error 503\n"
       "don't know how to build these paths:\n  /nix/store/x",
       absl::StatusCode::kUnavailable, StateReason::kUpstreamUnreachable},
      {"error: something new", absl::StatusCode::kFailedPrecondition, StateReason::kNone},
      {"", absl::StatusCode::kFailedPrecondition, StateReason::kNone},
  };
  for (const auto& c : cases) {
    const absl::Status status = NixError("get it", 1, c.output);
    EXPECT_EQ(status.code(), c.code) << c.output;
    EXPECT_EQ(StateReasonOf(status), c.reason) << c.output;
    EXPECT_THAT(std::string(status.message()), HasSubstr("get it: nix failed with exit status 1"));
  }
}

TEST(LastLines, AreTheLastOnesThatFitWithoutControlCharacters) {
  EXPECT_EQ(LastLines("one\n\n  \ntwo\nthree\n", 100), "one\ntwo\nthree");
  EXPECT_EQ(LastLines("one\ntwo\nthree\n", 10), "two\nthree");
  EXPECT_EQ(LastLines("\x1b[31mred\n", 100), "\\x1b[31mred");
  EXPECT_EQ(LastLines("", 100), "");
  EXPECT_EQ(LastLines(std::string(1000, 'x'), 10), std::string(10, 'x'));
}

TEST(NixHostFrom, TakesTheVariablesOfNixAndNoOthers) {
  const char* const environ[] = {
      "NIX_STORE_DIR=/s", "NIX_STATE_DIR=/v",  "HOME=/root", "https_proxy=http://p",
      "SECRET=hush",      "NIX_REMOTE=daemon", nullptr};
  const NixHost host = NixHostFrom(environ);
  EXPECT_EQ(host.store, "/s");
  EXPECT_EQ(host.state, "/v");
  EXPECT_EQ(host.environment.size(), 5);
  for (const auto& [name, value] : host.environment) EXPECT_NE(name, "SECRET");
  const char* const none[] = {nullptr};
  EXPECT_EQ(NixHostFrom(none).store, "/nix/store");
}

}  // namespace
}  // namespace gitops
