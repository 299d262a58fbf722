#include "agent/nix/requirement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/nix/fake_hydra.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

// A path of the store for each name.
std::string Path(const std::string& name) {
  return absl::StrCat("/nix/store/5kygizyc20g98rhqd50gijykcgcmaw7s-", name);
}

class RequirementTest : public ::testing::Test {
 protected:
  RequirementTest() { directory_.Write("netrc", ""); }

  absl::StatusOr<ChosenBuild> Newest(const std::string& job = "web") {
    const auto all = jobset_.Newest({job}, {});
    if (!all.ok()) return all.status();
    return all->at(job);
  }
  absl::StatusOr<ChosenBuild> OfAggregate(const std::string& aggregate = "tested") {
    return gitops::OfAggregate(hydra_, *ParseJobUri(server_.JobUri("web")), aggregate, "/nix/store",
                               {});
  }

  const TemporaryDirectory directory_;
  const std::unique_ptr<HttpClient> http_ = NewHttpClient();
  const Hydra hydra_{{.http = http_.get(), .netrc_file = directory_ / "netrc"}};
  FakeHydra server_;
  Jobset jobset_{&hydra_, *ParseJobUri(server_.JobUri("any")), "/nix/store"};
};

TEST_F(RequirementTest, JobTakesTheLatestWhateverElseFailed) {
  server_.Evaluate({{"web", Path("web-1")}, {"db", Path("db-1"), 1}});
  const auto chosen = LatestOfJob(hydra_, server_.JobUri("web"), "/nix/store", {});
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->path, Path("web-1"));
  EXPECT_EQ(chosen->build, 101);
}

TEST_F(RequirementTest, ALatestThatSaysItFailedIsRefused) {
  server_.Answer("/job/proj/main/web/latest",
                 {.status = 200,
                  .body = R"({"id": 3, "finished": 1, "buildstatus": 1, "buildoutputs": {}})",
                  .headers = {}});
  const absl::Status status = LatestOfJob(hydra_, server_.JobUri("web"), "/nix/store", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("failed with status 1"));
}

TEST_F(RequirementTest, JobsetTakesTheNewestEvaluationWhoseBuildsAllSucceeded) {
  server_.Evaluate({{"web", Path("web-1")}, {"db", Path("db-1")}});
  server_.Evaluate({{"web", Path("web-2")}, {"db", Path("db-2")}});
  server_.Evaluate({{"web", Path("web-3")}, {"db", Path("db-3"), 1}});
  const auto chosen = Newest();
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->path, Path("web-2"));
  EXPECT_EQ(chosen->evaluation, 2);
  EXPECT_THAT(chosen->waits, HasSubstr("evaluation 3 waits: of 2 builds, 1 failed and 0 are not "
                                       "finished; build 106 of job db failed with status 1"));
}

TEST_F(RequirementTest, JobsetWaitsForUnfinishedBuildsAndMovesWhenTheySucceed) {
  server_.Evaluate({{"web", Path("web-1")}});
  server_.Evaluate({{"web", Path("web-2")}, {"db", Path("db-2"), std::nullopt}});
  EXPECT_EQ(Newest()->path, Path("web-1"));
  EXPECT_THAT(Newest()->waits, HasSubstr("build 103 of job db is not finished"));
  server_.Finish(103, 0);
  EXPECT_EQ(Newest()->path, Path("web-2"));
  EXPECT_EQ(Newest()->waits, "");
}

TEST_F(RequirementTest, AFailedBuildThatIsRestartedAndSucceedsCounts) {
  server_.Evaluate({{"web", Path("web-1")}});
  server_.Evaluate({{"web", Path("web-2")}, {"db", Path("db-2"), 1}});
  EXPECT_EQ(Newest()->path, Path("web-1"));
  server_.Finish(103, 0);
  EXPECT_EQ(Newest()->path, Path("web-2"));
}

TEST_F(RequirementTest, TheBuildsOfAnEvaluationAreFetchedOnceWhileNothingMoves) {
  server_.Evaluate({{"web", Path("web-1")}, {"db", Path("db-1")}});
  server_.Evaluate({{"web", Path("web-2")}, {"db", Path("db-2"), std::nullopt}, {"ui", "", 1}});
  for (int i = 0; i < 5; ++i) {
    const auto all = jobset_.Newest({"web", "db"}, {});
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ(all->at("web")->path, Path("web-1"));
    EXPECT_EQ(all->at("db")->path, Path("db-1"));
  }
  EXPECT_EQ(server_.CountOf("/eval/1/builds"), 1);
  EXPECT_EQ(server_.CountOf("/eval/2/builds"), 1);
  // A failed build decides, not one that may finish.
  EXPECT_EQ(server_.CountOf("/build/105"), 4);
  EXPECT_EQ(server_.CountOf("/build/104"), 0);
  EXPECT_EQ(server_.CountOf("/jobset/proj/main/evals"), 5);
}

TEST_F(RequirementTest, AnEvaluationWithoutBuildsDoesNotCount) {
  server_.Evaluate({{"web", Path("web-1")}});
  server_.Evaluate({});
  EXPECT_EQ(Newest()->path, Path("web-1"));
  EXPECT_THAT(Newest()->waits, HasSubstr("evaluation 2 has no builds"));
}

TEST_F(RequirementTest, AMissingJobDisqualifiesOnlyWhileTheJobsetHasErrors) {
  server_.Evaluate({{"web", Path("web-1")}, {"db", Path("db-1")}});
  server_.Evaluate({{"web", Path("web-2")}});
  server_.SetErrors("error: attribute 'x' missing\nat db.nix:1");
  const auto waiting = Newest();
  ASSERT_TRUE(waiting.ok()) << waiting.status();
  EXPECT_EQ(waiting->path, Path("web-1"));
  EXPECT_THAT(waiting->waits, HasSubstr("evaluation 2 lacks the job db of evaluation 1, and the "
                                        "jobset has errors: error: attribute 'x' missing"));
  server_.SetErrors("");
  EXPECT_EQ(Newest()->path, Path("web-2"));
}

TEST_F(RequirementTest, ErrorsWithoutAMissingJobDoNotDisqualify) {
  server_.Evaluate({{"web", Path("web-1")}});
  server_.Evaluate({{"web", Path("web-2")}, {"db", Path("db-2")}});
  server_.SetErrors("error: stale");
  EXPECT_EQ(Newest()->path, Path("web-2"));
}

TEST_F(RequirementTest, AnEvaluationWithoutTheJobIsPassedOver) {
  server_.Evaluate({{"web", Path("web-1")}});
  server_.Evaluate({{"db", Path("db-2")}});
  const auto chosen = Newest();
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->path, Path("web-1"));
  EXPECT_EQ(chosen->waits, "evaluation 2 has no job web");
}

TEST_F(RequirementTest, TheNextPageIsSearched) {
  server_.Evaluate({{"web", Path("web-1")}});
  for (int i = 2; i <= 30; ++i) server_.Evaluate({{"web", Path(absl::StrCat("web-", i)), 1}});
  const auto chosen = Newest();
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->path, Path("web-1"));
  EXPECT_EQ(server_.CountOf("/jobset/proj/main/evals?page=2"), 1);
}

TEST_F(RequirementTest, TheSearchEndsAndSaysWhyThereIsNone) {
  for (int i = 1; i <= 130; ++i) server_.Evaluate({{"web", Path(absl::StrCat("web-", i)), 1}});
  const absl::Status status = Newest().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("none of the 100 newest evaluations of jobset proj:main has succeeded with "
                        "the job web: evaluation 130 waits"));
  EXPECT_EQ(server_.CountOf("/jobset/proj/main/evals?page=6"), 0);
}

TEST_F(RequirementTest, AnUnusableOutputIsAnErrorOfItsJobOnly) {
  server_.Evaluate({{"web", ""}, {"db", Path("db-1")}});
  const auto all = jobset_.Newest({"web", "db"}, {});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->at("web").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(all->at("db")->path, Path("db-1"));
}

TEST_F(RequirementTest, AServerThatFailsInTheMiddleLosesNothingThatWasLearned) {
  server_.Evaluate({{"web", Path("web-1")}});
  ASSERT_TRUE(Newest().ok());
  server_.Answer("/jobset/proj/main/evals", {.status = 500, .body = "", .headers = {}});
  EXPECT_EQ(Newest().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server_.CountOf("/eval/1/builds"), 1);
}

TEST_F(RequirementTest, AggregateDecidesForItsConstituents) {
  server_.Evaluate({{"web", Path("web-1")}, {"tested", Path("tested-1")}});
  server_.Evaluate({{"web", Path("web-2")}, {"tested", Path("tested-2"), std::nullopt}});
  EXPECT_EQ(OfAggregate()->path, Path("web-1"));
  server_.Finish(104, 0);
  const auto chosen = OfAggregate();
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  EXPECT_EQ(chosen->path, Path("web-2"));
  EXPECT_EQ(chosen->evaluation, 2);
}

TEST_F(RequirementTest, AJobOutsideTheAggregateThatFailedIsRefusedWithTheReason) {
  server_.Evaluate({{"web", Path("web-1"), 1}, {"tested", Path("tested-1")}});
  const absl::Status status = OfAggregate().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("make the job a constituent"));
}

TEST_F(RequirementTest, NoSuccessfulAggregateYetIsNotFound) {
  server_.Evaluate({{"web", Path("web-1")}, {"tested", Path("tested-1"), 1}});
  EXPECT_EQ(OfAggregate().status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
