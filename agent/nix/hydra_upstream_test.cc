#include "agent/nix/hydra_upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/nix/fake_hydra.h"
#include "agent/nix/store_path.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// Paths whose hashes differ in their last digit.
std::string Path(int number) {
  return absl::StrCat("/nix/store/0000000000000000000000000000000", number, "-web-", number);
}
std::string Revision(int number) { return RevisionOf(Path(number), "/nix/store"); }

class HydraUpstreamTest : public ::testing::Test {
 protected:
  HydraUpstreamTest() { directory_.Write("netrc", ""); }

  absl::StatusOr<Upstream::Tips> Newest(const std::set<std::string>& refs) {
    return upstream_.Newest(refs, {});
  }

  const TemporaryDirectory directory_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  FakeHydra server_;
  HydraUpstream upstream_{Hydra({.http = http_.get(), .netrc_file = directory_ / "netrc"}),
                          server_.url(), "/nix/store"};
};

TEST(FollowedJob, IsTheBranchOfItsUpstream) {
  NixSpec spec{.profile = "web", .job_uri = "https://h/ci/job/proj/main/web", .netrc_file = ""};
  for (const auto& [require, ref] :
       std::map<std::string, std::string>{{"job", "proj:main:web"},
                                          {"jobset", "proj:main:web:jobset"},
                                          {"aggregate:tested", "proj:main:web:aggregate:tested"}}) {
    spec.require = require;
    const auto followed = FollowedJobOf(spec);
    ASSERT_TRUE(followed.ok()) << followed.status();
    EXPECT_EQ(followed->ref(), ref);
    const auto again = FollowedJob::FromRef("https://h/ci", ref);
    ASSERT_TRUE(again.has_value()) << ref;
    EXPECT_EQ(again->job, followed->job);
    EXPECT_EQ(again->require, require);
  }
  EXPECT_FALSE(FollowedJob::FromRef("https://h", "main").has_value());
  spec.job_uri = "https://h/project/web";
  EXPECT_EQ(FollowedJobOf(spec).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HydraUpstreamTest, OnePollAnswersEveryKindOfRequirement) {
  server_.Evaluate({{"web", Path(1)}, {"db", Path(2)}, {"tested", Path(3)}});
  server_.Evaluate({{"web", Path(4)}, {"db", Path(5), 1}, {"tested", Path(6), std::nullopt}});
  const auto tips = Newest({"proj:main:web", "proj:main:web:jobset", "proj:main:db:jobset",
                            "proj:main:web:aggregate:tested", "proj:main:none", "main"});
  ASSERT_TRUE(tips.ok()) << tips.status();
  EXPECT_EQ(*tips->at("proj:main:web"), Revision(4));
  EXPECT_EQ(*tips->at("proj:main:web:jobset"), Revision(1));
  EXPECT_EQ(*tips->at("proj:main:db:jobset"), Revision(2));
  EXPECT_EQ(*tips->at("proj:main:web:aggregate:tested"), Revision(1));
  EXPECT_EQ(tips->at("proj:main:none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(tips->at("main").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.CountOf("/jobset/proj/main/evals"), 1);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HydraUpstreamTest, WhatWasFoundHasItsPathAndItsBuild) {
  server_.Evaluate({{"web", Path(1)}});
  ASSERT_TRUE(Newest({"proj:main:web", "proj:main:web:jobset"}).ok());
  EXPECT_EQ(upstream_.PathOf(Revision(1)), Path(1));
  EXPECT_EQ(upstream_.PathOf(Revision(2)), "");
  EXPECT_EQ(upstream_.Describe("proj:main:web", Revision(1), {})->subject, "web-1 (build 101)");
  EXPECT_EQ(upstream_.Describe("proj:main:web:jobset", Revision(1), {})->subject,
            "web-1 (build 101, evaluation 1)");
  EXPECT_EQ(upstream_.Describe("proj:main:web", Revision(2), {})->hash, "");
}

TEST_F(HydraUpstreamTest, AnOlderBuildThatBecomesLatestAgainIsFollowed) {
  server_.Evaluate({{"web", Path(1)}});
  server_.Evaluate({{"web", Path(2)}});
  EXPECT_EQ(*Newest({"proj:main:web"})->at("proj:main:web"), Revision(2));
  server_.Finish(102, 1);
  EXPECT_EQ(*Newest({"proj:main:web"})->at("proj:main:web"), Revision(1));
}

TEST_F(HydraUpstreamTest, AJobWithoutAnyBuildLeftKeepsItsRevision) {
  server_.Evaluate({{"web", Path(1), std::nullopt}});
  EXPECT_EQ(Newest({"proj:main:web"})->at("proj:main:web").status().code(),
            absl::StatusCode::kNotFound);
  server_.Finish(101, 0);
  EXPECT_EQ(*Newest({"proj:main:web"})->at("proj:main:web"), Revision(1));
  server_.Finish(101, 1);
  EXPECT_EQ(*Newest({"proj:main:web"})->at("proj:main:web"), Revision(1));
}

TEST_F(HydraUpstreamTest, AFaultOfTheServerFailsThePollAndOneOfAJobOnlyThatJob) {
  server_.Evaluate({{"web", Path(1)}, {"db", ""}});
  const auto tips = Newest({"proj:main:db", "proj:main:web"});
  ASSERT_TRUE(tips.ok()) << tips.status();
  EXPECT_EQ(tips->at("proj:main:db").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(tips->at("proj:main:web").ok());
  server_.Answer("/job/proj/main/db/latest", {.status = 502, .body = "", .headers = {}});
  EXPECT_EQ(Newest({"proj:main:db", "proj:main:web"}).status().code(),
            absl::StatusCode::kUnavailable);
  // The first one ends the poll.
  EXPECT_EQ(server_.CountOf("/job/proj/main/web/latest"), 1);
}

TEST_F(HydraUpstreamTest, TheNameHasNoLogin) {
  const HydraUpstream upstream(Hydra({.http = http_.get(), .netrc_file = ""}),
                               "https://me:hunter2@h.example/ci", "/nix/store");
  EXPECT_EQ(upstream.name(), "https://h.example/ci");
}

}  // namespace
}  // namespace gitops
