#include "services/planner/metrics/planner_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/planner/plan/fake_fleet.h"

namespace gitops {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PlannerMetricsTest : public testing::Test {
 protected:
  Metrics metrics_{"planner"};
  PlannerMetrics planner_{metrics_};
};

TEST_F(PlannerMetricsTest, ResultsAreThereBeforeADeploymentEnded) {
  EXPECT_THAT(metrics_.Text(),
              AllOf(HasSubstr("gitops_deployments_total{result=\"succeeded\"} 0\n"),
                    HasSubstr("gitops_deployments_total{result=\"failed\"} 0\n"),
                    HasSubstr("gitops_deployments_total{result=\"cancelled\"} 0\n"),
                    HasSubstr("gitops_deployments_total{result=\"interrupted\"} 0\n"),
                    HasSubstr("gitops_deployment_duration_seconds_count 0\n"),
                    HasSubstr("gitops_queue_depth{queue=\"deployments\"} 0\n"),
                    HasSubstr("gitops_build_info{component=\"planner\"")));
}

TEST_F(PlannerMetricsTest, DeploymentsAreCountedByResultWithTheirTime) {
  planner_.DeploymentEnded(v1::DEPLOYMENT_STATE_SUCCEEDED, absl::Seconds(3));
  planner_.DeploymentEnded(v1::DEPLOYMENT_STATE_FAILED, absl::Seconds(4));
  planner_.DeploymentEnded(v1::DEPLOYMENT_STATE_RUNNING, absl::Seconds(1000));
  EXPECT_THAT(metrics_.Text(), AllOf(HasSubstr("gitops_deployments_total{result=\"succeeded\"} 1"),
                                     HasSubstr("gitops_deployments_total{result=\"failed\"} 1"),
                                     HasSubstr("gitops_deployment_duration_seconds_sum 7\n"),
                                     HasSubstr("gitops_deployment_duration_seconds_count 2\n")));
}

TEST_F(PlannerMetricsTest, HostsAndTheQueueAreWhatTheyAreNow) {
  planner_.HostsInPhase("running", 7);
  planner_.HostsInPhase("running", 2);
  planner_.Queued(3);
  EXPECT_THAT(metrics_.Text(), AllOf(HasSubstr("gitops_deployment_hosts{phase=\"running\"} 2\n"),
                                     HasSubstr("gitops_queue_depth{queue=\"deployments\"} 3\n")));
}

TEST_F(PlannerMetricsTest, AHostThatFailedItsHealthChecksIsShownUntilThatIsPast) {
  FakeFleet fleet;
  planner_.ShowFleet(&fleet);
  fleet.Add("web1");
  fleet.Add("web2");
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("gitops_host_health_failed")));
  ASSERT_TRUE(fleet.MarkHealth("web1", v1::FailedHealth()).ok());
  EXPECT_THAT(metrics_.Text(), AllOf(HasSubstr("gitops_host_health_failed{host=\"web1\"} 1\n"),
                                     Not(HasSubstr("web2"))));
  ASSERT_TRUE(fleet.MarkHealth("web1", std::nullopt).ok());
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("gitops_host_health_failed")));
}

TEST_F(PlannerMetricsTest, AHostIsShownWhileItIsInTheFleetAndWasHeardOf) {
  FakeFleet fleet;
  planner_.ShowFleet(&fleet);
  EXPECT_THAT(metrics_.Text(), AllOf(Not(HasSubstr("last_seen")),
                                     HasSubstr("gitops_report_bytes{configured=\"false\"} 0\n")));
  fleet.Add("web1");
  fleet.SetLastSeen("web1", absl::FromUnixSeconds(1795370348));
  fleet.Add("web2");
  EXPECT_THAT(
      metrics_.Text(),
      AllOf(HasSubstr("gitops_agent_last_seen_timestamp_seconds{host=\"web1\"} 1795370348\n"),
            Not(HasSubstr("web2"))));
  fleet.Remove("web1");
  EXPECT_THAT(metrics_.Text(), Not(HasSubstr("web1")));
}

}  // namespace
}  // namespace gitops
