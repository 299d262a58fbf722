// Health checks: the mark that a failure leaves on its host, their tries while they run, and their
// end when the deployment is cancelled.
#include <gmock/gmock.h>

#include "common/testing/eventually.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kHealth = v1::RunCheckRequest::KIND_HEALTH;

class DeploymentsHealthTest : public testing::Test {
 protected:
  explicit DeploymentsHealthTest(bool hooks = false) : world_({.hosts = 2, .hooks = hooks}) {
    for (const int number : {1, 2}) {
      world_.Configure(number, [](HostSpec& host) { host.health_checks.http.emplace_back(); });
    }
  }
  void FailOnWeb1(int tries = 0, bool hang = false) {
    world_.checks.Add({.host = "web1",
                       .kind = kHealth,
                       .hang = hang,
                       .tries = tries,
                       .code = absl::StatusCode::kDeadlineExceeded,
                       .message = "http: 503 Service Unavailable"});
  }
  v1::Host Host(const std::string& name) { return world_.fleet->Find(name)->host; }

  RunWorld world_;
};

class DeploymentsHealthWithHooksTest : public DeploymentsHealthTest {
 protected:
  DeploymentsHealthWithHooksTest() : DeploymentsHealthTest(/*hooks=*/true) {}
};

TEST_F(DeploymentsHealthTest, AHostThatFailsItsChecksIsMarkedUntilALaterDeploymentSucceeds) {
  FailOnWeb1();
  const v1::Deployment failed = world_.Run(SpecOf({"sync"}));
  EXPECT_EQ(StateOf(failed), "FAILED");
  const v1::FailedHealth mark = Host("web1").failed_health();
  EXPECT_EQ(mark.deployment(), failed.id());
  EXPECT_THAT(mark.message(), HasSubstr("503"));
  EXPECT_FALSE(Host("web2").has_failed_health());
  v1::DeploymentSpec unchecked = SpecOf({"freeze"});
  unchecked.set_skip_health_checks(true);
  world_.Run(unchecked);
  EXPECT_TRUE(Host("web1").has_failed_health()) << "no checks were run";
  world_.checks.Clear();
  EXPECT_EQ(StateOf(world_.Run(SpecOf({"unfreeze", "sync"}))), "SUCCEEDED");
  EXPECT_FALSE(Host("web1").has_failed_health());
}

TEST_F(DeploymentsHealthTest, ARollBackLeavesTheMark) {
  FailOnWeb1();
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_on_failure(v1::Rollout::ON_FAILURE_ROLLBACK);
  const v1::Deployment back = world_.Run(spec);
  EXPECT_THAT(States(back)[0], HasSubstr("ROLLED_BACK"));
  EXPECT_TRUE(Host("web1").has_failed_health());
}

TEST_F(DeploymentsHealthTest, ACancelEndsRunningChecksAtOnceAndMarksNobody) {
  FailOnWeb1(/*tries=*/0, /*hang=*/true);
  const std::string id = world_.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world_.checks.AwaitHeld(1));
  const auto cancelling = world_.deployments->Cancel(id, "mia", "");
  ASSERT_TRUE(cancelling.ok()) << cancelling.status();
  EXPECT_EQ(StateOf(*cancelling), "CANCELLING");
  const v1::Deployment ended = world_.AwaitEnd(id);
  EXPECT_EQ(StateOf(ended), "CANCELLED");
  EXPECT_THAT(States(ended), ElementsAre("web1 STOPPED", "web2 PENDING"));
  const v1::StepRecord& step = ended.hosts(0).steps(ended.hosts(0).steps_size() - 1);
  EXPECT_EQ(step.kind(), v1::STEP_KIND_HEALTHCHECKS);
  EXPECT_EQ(step.result(), v1::STEP_RESULT_SKIPPED);
  EXPECT_EQ(step.actions(0).message(), "the deployment was cancelled");
  EXPECT_FALSE(Host("web1").has_failed_health());
}

TEST_F(DeploymentsHealthTest, ResumedItRunsTheChecksAgain) {
  FailOnWeb1(/*tries=*/0, /*hang=*/true);
  const std::string id = world_.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world_.checks.AwaitHeld(1));
  ASSERT_TRUE(world_.deployments->Cancel(id, "mia", "").ok());
  world_.AwaitEnd(id);
  world_.checks.Clear();
  ASSERT_TRUE(world_.deployments->Resume(id, "mia").ok());
  EXPECT_EQ(StateOf(world_.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_EQ(world_.checks.runs().size(), 3u) << "web1 twice, web2 once";
}

TEST_F(DeploymentsHealthWithHooksTest, ThePostHookGivesBackWhatThePreHookTookAfterACancel) {
  FailOnWeb1(/*tries=*/0, /*hang=*/true);
  const std::string id = world_.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world_.checks.AwaitHeld(1));
  ASSERT_TRUE(world_.deployments->Cancel(id, "mia", "").ok());
  EXPECT_EQ(StateOf(world_.AwaitEnd(id)), "CANCELLED");
  const std::vector<std::string> asked = world_.hooks.asked();
  EXPECT_THAT(asked.back(), HasSubstr("post-healthchecks web1"));
  EXPECT_THAT(asked.back(), HasSubstr("skipped"));
}

TEST_F(DeploymentsHealthTest, TriesAreSeenWhileTheChecksRunWithoutAWriteForEach) {
  FailOnWeb1(/*tries=*/7, /*hang=*/true);
  const std::string id = world_.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world_.checks.AwaitHeld(1));
  v1::HostDeployment shown = *world_.records.WholeHost(id, 0);
  EXPECT_EQ(shown.steps(shown.steps_size() - 1).actions(0).tries(), 0) << "not stored";
  world_.deployments->running_checks().AddTo(id, 0, shown);
  const v1::ActionRecord& action = shown.steps(shown.steps_size() - 1).actions(0);
  EXPECT_EQ(action.tries(), 7);
  EXPECT_THAT(action.message(), HasSubstr("503"));
  EXPECT_TRUE(action.has_deadline());
  world_.checks.Release();
  const v1::Deployment ended = world_.AwaitEnd(id);
  const v1::HostDeployment& host = ended.hosts(0);
  EXPECT_EQ(host.steps(host.steps_size() - 1).actions(0).tries(), 7) << "stored at the end";
}

}  // namespace
}  // namespace gitops
