#include "agent/metrics/agent_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class AgentMetricsTest : public ::testing::Test {
 protected:
  void SetNginx(const std::string& hash, const std::string& state, int64_t changed) {
    agent_.SetService({.name = "nginx",
                       .hash = hash,
                       .target_hash = "t1",
                       .state = state,
                       .changed_at = absl::FromUnixSeconds(changed)});
  }

  // The samples of one family, as they stand in the text.
  std::vector<std::string> Samples(const std::string& family) {
    std::vector<std::string> samples;
    for (absl::string_view line : absl::StrSplit(metrics_.Text(), '\n')) {
      const bool named = absl::StartsWith(line, absl::StrCat(family, "{")) ||
                         absl::StartsWith(line, absl::StrCat(family, " "));
      if (named) samples.emplace_back(line);
    }
    return samples;
  }

  Metrics metrics_{"agent"};
  AgentMetrics agent_{metrics_};
};

TEST_F(AgentMetricsTest, CountersAreThereBeforeAnythingHappened) {
  EXPECT_THAT(metrics_.Text(), AllOf(HasSubstr("\ngitopper_machine_git_ops_total 0\n"),
                                     HasSubstr("\ngitopper_machine_git_error_total 0\n"),
                                     HasSubstr("\ngitopper_machine_git_errors_total 0\n")));
}

TEST_F(AgentMetricsTest, ServiceHasItsSeriesUnderBothNames) {
  SetNginx("abc", "OK", 1795370348);
  EXPECT_THAT(Samples("gitopper_service_info"),
              ElementsAre("gitopper_service_info{hash=\"abc\",service=\"nginx\",state=\"OK\"} 1"));
  EXPECT_THAT(Samples("gitopper_service_state"),
              ElementsAre("gitopper_service_state{service=\"nginx\"} 0"));
  EXPECT_THAT(Samples("gitopper_service_change_time_seconds"),
              ElementsAre("gitopper_service_change_time_seconds{service=\"nginx\"} 1795370348"));
  EXPECT_THAT(Samples("gitops_service_info"),
              ElementsAre("gitops_service_info{hash=\"abc\",service=\"nginx\",state=\"OK\","
                          "target_hash=\"t1\"} 1"));
  EXPECT_THAT(
      Samples("gitops_service_last_change_timestamp_seconds"),
      ElementsAre("gitops_service_last_change_timestamp_seconds{service=\"nginx\"} 1795370348"));
}

TEST_F(AgentMetricsTest, SeriesOfPastHashesAndStatesAreGone) {
  SetNginx("abc", "OK", 1);
  SetNginx("def", "OK", 2);
  SetNginx("def", "FREEZE", 3);
  EXPECT_THAT(
      Samples("gitopper_service_info"),
      ElementsAre("gitopper_service_info{hash=\"def\",service=\"nginx\",state=\"FREEZE\"} 1"));
  EXPECT_THAT(Samples("gitops_service_info"),
              ElementsAre(AllOf(HasSubstr("\"def\""), HasSubstr("\"FREEZE\""))));
  SetNginx("abc", "OK", 4);  // back again
  EXPECT_THAT(Samples("gitopper_service_info"), ElementsAre(HasSubstr("\"abc\"")));
}

TEST_F(AgentMetricsTest, StatesHaveGitoppersNumbers) {
  struct Case {
    const char* state;
    const char* number;
  };
  for (const Case& c : {Case{"OK", "0"}, Case{"FREEZE", "1"}, Case{"ROLLBACK", "2"},
                        Case{"BROKEN", "3"}, Case{"DIFF", "4"}, Case{"odd", "-1"}}) {
    SetNginx("abc", c.state, 1);
    EXPECT_THAT(Samples("gitopper_service_state"),
                ElementsAre(absl::StrCat("gitopper_service_state{service=\"nginx\"} ", c.number)))
        << c.state;
  }
}

TEST_F(AgentMetricsTest, RemovedServiceLeavesNothingAndMayComeBack) {
  SetNginx("abc", "OK", 1);
  agent_.SetService({.name = "caddy", .hash = "x", .state = "DIFF"});
  agent_.RemoveService("nginx");
  agent_.RemoveService("never.there");
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("nginx")));
  EXPECT_THAT(Samples("gitopper_service_info"), ElementsAre(HasSubstr("caddy")));
  SetNginx("abc", "OK", 1);
  EXPECT_THAT(Samples("gitopper_service_info"),
              UnorderedElementsAre(HasSubstr("caddy"), HasSubstr("nginx")));
}

TEST_F(AgentMetricsTest, ServiceThatNeverChangedIsDatedZero) {
  agent_.SetService({.name = "new", .state = "OK", .changed_at = absl::InfinitePast()});
  EXPECT_THAT(Samples("gitopper_service_info"),
              ElementsAre("gitopper_service_info{hash=\"\",service=\"new\",state=\"OK\"} 1"));
  EXPECT_THAT(Samples("gitopper_service_change_time_seconds"),
              ElementsAre("gitopper_service_change_time_seconds{service=\"new\"} 0"));
}

TEST_F(AgentMetricsTest, GitOperationsAreCountedAndTimed) {
  agent_.GitOperation("fetch", true, absl::Milliseconds(30));
  agent_.GitOperation("fetch", true, absl::Milliseconds(70));
  agent_.GitOperation("tip", false, absl::Seconds(20));
  EXPECT_THAT(metrics_.Text(), AllOf(HasSubstr("\ngitopper_machine_git_ops_total 3\n"),
                                     HasSubstr("\ngitopper_machine_git_error_total 1\n"),
                                     HasSubstr("\ngitopper_machine_git_errors_total 1\n")));
  const std::string fetch = "{op=\"fetch\",result=\"ok\"";
  EXPECT_THAT(metrics_.Text(),
              AllOf(HasSubstr(absl::StrCat("_seconds_count", fetch, "} 2\n")),
                    HasSubstr(absl::StrCat("_seconds_bucket", fetch, ",le=\"0.05\"} 1\n")),
                    HasSubstr("gitops_git_operation_duration_seconds_sum"
                              "{op=\"tip\",result=\"error\"} 20\n")));
}

TEST_F(AgentMetricsTest, UpstreamIsShownWithoutItsPassword) {
  const std::string url = "https://bot:hunter2@git.example/ops.git";
  agent_.UpstreamAnswered(url, absl::FromUnixSeconds(7));
  agent_.UpstreamAnswered(url, absl::FromUnixSeconds(8));
  EXPECT_THAT(Samples("gitops_git_last_success_timestamp_seconds"),
              ElementsAre("gitops_git_last_success_timestamp_seconds"
                          "{upstream=\"https://git.example/ops.git\"} 8"));
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("hunter2")));
  agent_.RemoveUpstream(url);
  EXPECT_THAT(Samples("gitops_git_last_success_timestamp_seconds"), IsEmpty());
}

TEST_F(AgentMetricsTest, ConnectionToThePlannerIsThereOnlyWhereThereIsAPlanner) {
  EXPECT_THAT(Samples("gitops_planner_connected"), IsEmpty());
  agent_.PlannerConnected(false);
  EXPECT_THAT(Samples("gitops_planner_connected"), ElementsAre("gitops_planner_connected 0"));
  agent_.PlannerConnected(true);
  EXPECT_THAT(Samples("gitops_planner_connected"), ElementsAre("gitops_planner_connected 1"));
}

TEST_F(AgentMetricsTest, ManyThreadsAndAScraperAgree) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 200; ++i) {
        agent_.SetService(
            {.name = absl::StrCat("s", t % 2), .hash = absl::StrCat(i), .state = "OK"});
        agent_.GitOperation("fetch", i % 2 == 0, absl::Milliseconds(1));
        if (i % 50 == 0) agent_.RemoveService(absl::StrCat("s", t % 2));
      }
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_LE(Samples("gitopper_service_info").size(), 2u);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Samples("gitopper_service_info").size(), 2u);
  EXPECT_THAT(metrics_.Text(), HasSubstr("\ngitopper_machine_git_ops_total 800\n"));
}

}  // namespace
}  // namespace gitops
