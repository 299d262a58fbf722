#include "services/planner/run/deployments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "absl/strings/match.h"
#include "common/clock/fake_clock.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Deployments, HostsAreDoneInOrderAndOneAtATimeByDefault) {
  RunWorld world({.hosts = 4});
  const v1::Deployment done = world.Run(SpecOf({"sync"}, 0));
  EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
  EXPECT_THAT(States(done),
              ElementsAre("web1 SUCCEEDED", "web2 SUCCEEDED", "web3 SUCCEEDED", "web4 SUCCEEDED"));
  EXPECT_EQ(OrderOf(world.agents.performed()), RunWorld::Hosts(1, 4));
  EXPECT_EQ(world.agents.peak(), 1);
  EXPECT_EQ(done.succeeded_count(), 4);
  EXPECT_TRUE(done.has_start_time() && done.has_end_time());
  EXPECT_EQ(world.agents.Look("web3:8004").services["nginx"].hash, kNewHash);
}

TEST(Deployments, TheRecordTellsStepsActionsAndMoves) {
  RunWorld world({.hosts = 1});
  const v1::Deployment done = world.Run(SpecOf({"sync", "reboot", "freeze"}));
  ASSERT_THAT(done.hosts(), SizeIs(1));
  const v1::HostDeployment& host = done.hosts(0);
  ASSERT_THAT(host.steps(), SizeIs(3));
  EXPECT_EQ(host.steps(0).kind(), v1::STEP_KIND_DEPLOY);
  EXPECT_EQ(host.steps(1).kind(), v1::STEP_KIND_REBOOT);
  EXPECT_EQ(host.steps(2).kind(), v1::STEP_KIND_DEPLOY);
  for (const v1::StepRecord& step : host.steps()) {
    EXPECT_EQ(step.result(), v1::STEP_RESULT_OK);
    EXPECT_TRUE(step.has_start_time() && step.has_end_time());
    ASSERT_THAT(step.actions(), SizeIs(1));
    EXPECT_EQ(step.actions(0).result(), v1::STEP_RESULT_OK);
    EXPECT_TRUE(step.actions(0).has_end_time());
  }
  EXPECT_EQ(host.steps(0).actions(0).action(), "sync");
  EXPECT_EQ(host.steps(0).actions(0).operation_id(), done.id() + "/web1/0");
  EXPECT_THAT(host.steps(0).actions(0).output(), HasSubstr("nginx"));
  ASSERT_THAT(host.moves(), SizeIs(1));
  EXPECT_EQ(host.moves(0).from_hash(), kOldHash);
  EXPECT_EQ(host.moves(0).to_hash(), kNewHash);
  EXPECT_THAT(host.remaining_actions(), IsEmpty());
  EXPECT_GT(host.fencing(), 0);
  EXPECT_EQ(world.agents.performed().front().request.operation().fencing(), host.fencing());
}

TEST(Deployments, NeverMoreThanMaxParallelAtATime) {
  RunWorld world({.hosts = 12});
  world.agents.Hold();
  const std::string id = world.Begin(SpecOf({"sync"}, 5));
  ASSERT_TRUE(world.agents.AwaitHeld(5));
  world.agents.Release();
  world.agents.ClearFaults();
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_EQ(world.agents.peak(), 5);
}

TEST(Deployments, NeverMoreThanMaxParallelAlsoAcrossARestart) {
  RunWorld world({.hosts = 9});
  world.agents.Hold();
  const std::string id = world.Begin(SpecOf({"sync"}, 3));
  ASSERT_TRUE(world.agents.AwaitHeld(3));
  world.Stop();
  world.Start();
  ASSERT_TRUE(world.agents.AwaitHeld(3));
  // Those that an agent may still be at come first.
  EXPECT_THAT(OrderOf(world.agents.performed()),
              ::testing::UnorderedElementsAre("web1", "web2", "web3"));
  world.agents.ClearFaults();
  world.agents.Release();
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_EQ(world.agents.peak(), 3);
}

TEST(Deployments, MoreFailuresThanMaxFailuresStopItAndNotOneLess) {
  for (const int allowed : {0, 1, 3}) {
    RunWorld world({.hosts = 8});
    world.agents.AddFault({.action = "sync", .code = absl::StatusCode::kInternal});
    v1::DeploymentSpec spec = SpecOf({"sync"});
    spec.mutable_rollout()->set_max_failures(std::to_string(allowed));
    const v1::Deployment done = world.Run(spec);
    EXPECT_EQ(StateOf(done), "FAILED");
    EXPECT_EQ(done.failed_count(), allowed + 1) << allowed;
    EXPECT_THAT(world.agents.performed(), SizeIs(allowed + 1)) << allowed;
    EXPECT_EQ(States(done).back(), "web8 PENDING");
  }
}

TEST(Deployments, TheMessageSaysHowManyFailedAndWhy) {
  RunWorld world({.hosts = 3});
  world.agents.FailAction("web2:8004", "sync");
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_EQ(done.message(), "1 of 3 hosts failed: web2; more than --max-failures 0");
  EXPECT_EQ(done.hosts(1).message(), "sync: it was told to fail") << "the cause is told once";
  EXPECT_THAT(States(done), ElementsAre("web1 SUCCEEDED", "web2 FAILED", "web3 PENDING"));
  EXPECT_THAT(done.hosts(1).remaining_actions(), ElementsAre("sync"));
  EXPECT_EQ(done.hosts(1).steps(0).result(), v1::STEP_RESULT_FAILED);
}

TEST(Deployments, AFailingCanaryStopsItBeforeTheNextWave) {
  RunWorld world({.hosts = 5});
  world.agents.FailAction("web1:8004", "sync");
  v1::DeploymentSpec spec = SpecOf({"sync"}, 5);
  spec.mutable_rollout()->set_canary(1);
  const v1::Deployment done = world.Run(spec);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(OrderOf(world.agents.performed()), ElementsAre("web1"));
  EXPECT_EQ(done.current_wave(), 1);
}

TEST(Deployments, OnFailureContinueGoesOnWithTheOthers) {
  RunWorld world({.hosts = 4});
  world.agents.FailAction("web1:8004", "sync");
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_on_failure(v1::Rollout::ON_FAILURE_CONTINUE);
  const v1::Deployment done = world.Run(spec);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done),
              ElementsAre("web1 FAILED", "web2 SUCCEEDED", "web3 SUCCEEDED", "web4 SUCCEEDED"));
}

TEST(Deployments, AHostThatIsDownFailsAlone) {
  RunWorld world({.hosts = 3});
  world.agents.SetUp("web1:8004", false);
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done), ElementsAre("web1 UNREACHABLE", "web2 SUCCEEDED", "web3 SUCCEEDED"));
  EXPECT_THAT(done.message(), HasSubstr("could not be reached: web1"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("web1:8004"));
  EXPECT_THAT(done.hosts(0).remaining_actions(), ElementsAre("sync"));
}

TEST(Deployments, AHostLostOnTheWayHasFailed) {
  RunWorld world({.hosts = 1});
  world.agents.OnPerform([&](const std::string& address, const v1::PerformActionRequest& request) {
    if (request.action() == "freeze") world.agents.SetUp(address, false);
  });
  world.agents.AddFault({.action = "unfreeze", .code = absl::StatusCode::kUnavailable});
  const v1::Deployment done = world.Run(SpecOf({"sync", "unfreeze"}));
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("lost on the way"));
}

TEST(Deployments, SkipLeavesAHostUntouchedAndUnchecked) {
  RunWorld world({.hosts = 2});
  v1::Plan plan = world.MakePlan(SpecOf({"sync"}));
  plan.mutable_hosts(0)->clear_actions();
  plan.mutable_hosts(0)->add_actions("skip");
  const v1::Deployment done = world.AwaitEnd(world.Begin(plan));
  EXPECT_EQ(StateOf(done), "SUCCEEDED");
  EXPECT_THAT(States(done), ElementsAre("web1 SKIPPED", "web2 SUCCEEDED"));
  EXPECT_EQ(done.skipped_count(), 1);
}

TEST(Deployments, ADeploymentOfNoHostsSucceeds) {
  RunWorld world({.hosts = 1});
  v1::Plan plan = world.MakePlan(SpecOf({"sync"}));
  plan.clear_hosts();
  EXPECT_EQ(StateOf(world.AwaitEnd(world.Begin(plan))), "SUCCEEDED");
}

TEST(Deployments, ChecksRunBeforeTheFirstChangeAndAtTheEnd) {
  RunWorld world({.hosts = 2});
  for (const int host : {1, 2}) {
    world.Configure(host, [](HostSpec& spec) {
      spec.pre_deploy_checks.cmd.push_back({.cmd = {"true"}});
      spec.health_checks.http.emplace_back();
    });
  }
  world.checks.Add({.host = "web2",
                    .kind = v1::RunCheckRequest::KIND_HEALTH,
                    .code = absl::StatusCode::kDeadlineExceeded});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_health_timeout()->set_seconds(7);
  const v1::Deployment done = world.Run(spec);
  EXPECT_THAT(States(done), ElementsAre("web1 SUCCEEDED", "web2 FAILED"));
  EXPECT_THAT(done.hosts(1).message(), HasSubstr("503 Service Unavailable"));
  const auto runs = world.checks.runs();
  ASSERT_THAT(runs, SizeIs(4));
  EXPECT_EQ(runs[0].kind, v1::RunCheckRequest::KIND_PRE_DEPLOY);
  EXPECT_EQ(runs[1].kind, v1::RunCheckRequest::KIND_HEALTH);
  EXPECT_EQ(runs[1].within, absl::Seconds(7));
  EXPECT_EQ(runs[1].address, "web1:8004");
  ASSERT_THAT(done.hosts(0).steps(), SizeIs(2));
  EXPECT_EQ(done.hosts(0).steps(0).actions(0).action(), "pre-deploy-checks");
  EXPECT_EQ(done.hosts(0).steps(1).kind(), v1::STEP_KIND_HEALTHCHECKS);
}

TEST(Deployments, AFailedPreDeployCheckChangesNothing) {
  RunWorld world({.hosts = 1});
  world.Configure(1, [](HostSpec& spec) { spec.pre_deploy_checks.cmd.push_back({.cmd = {"no"}}); });
  world.checks.Add({.code = absl::StatusCode::kDeadlineExceeded});
  EXPECT_THAT(States(world.Run(SpecOf({"sync"}))), ElementsAre("web1 FAILED"));
  EXPECT_THAT(world.agents.performed(), IsEmpty());
}

TEST(Deployments, ARebootIsOverWhenTheHostIsBackWithAnotherBootId) {
  RunWorld world({.hosts = 3});
  world.agents.Change("web2:8004", [](FakeAgent& agent) { agent.reboot = FakeReboot::kIgnores; });
  v1::DeploymentSpec spec = SpecOf({"reboot"});
  const v1::Deployment done = world.Run(spec);
  EXPECT_THAT(States(done), ElementsAre("web1 SUCCEEDED", "web2 FAILED", "web3 PENDING"));
  EXPECT_EQ(world.agents.Look("web1:8004").boots, 2);
  EXPECT_THAT(done.hosts(1).message(), HasSubstr("reboot: "));
}

TEST(Deployments, AHostThatTakesTheAnswerWithItWhenItGoesDownIsAskedAgain) {
  RunWorld world({.hosts = 1});
  world.agents.AddFault(
      {.action = "reboot", .times = 1, .code = absl::StatusCode::kAborted, .after_effect = true});
  EXPECT_EQ(StateOf(world.Run(SpecOf({"reboot", "freeze"}))), "SUCCEEDED");
  EXPECT_EQ(world.agents.Look("web1:8004").boots, 2);
}

TEST(Deployments, SecretsAreReadWhenTheyAreUploadedAndNeverRecorded) {
  RunWorld world({.hosts = 2});
  const TempDirectory directory;
  const std::string path = directory.path() + "/key";
  std::ofstream(path) << "hush-hush";
  world.Configure(1, [&](HostSpec& spec) {
    spec.secrets["tls"] = {.source = path, .destination = "/etc/tls.key", .action = {"reload"}};
  });
  world.Configure(2, [&](HostSpec& spec) {
    spec.secrets["tls"] = {.source = path + ".missing", .destination = "/etc/tls.key"};
  });
  const v1::Deployment done = world.Run(SpecOf({"upload-secrets", "run-secret-triggers"}));
  EXPECT_THAT(States(done), ElementsAre("web1 SUCCEEDED", "web2 FAILED"));
  EXPECT_EQ(world.agents.Look("web1:8004").files["/etc/tls.key"], "hush-hush");
  EXPECT_THAT(world.agents.Look("web1:8004").triggers, ElementsAre("tls"));
  EXPECT_THAT(done.hosts(1).message(), HasSubstr(path + ".missing"));
  EXPECT_THAT(done.DebugString(), ::testing::Not(HasSubstr("hush-hush")));
}

TEST(Deployments, AHostThatLeftTheConfigurationFailsAndIsNotAsked) {
  RunWorld world({.hosts = 2});
  const v1::Plan plan = world.MakePlan(SpecOf({"sync"}));
  world.Forget(1);
  const v1::Deployment done = world.AwaitEnd(world.Begin(plan));
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 PENDING"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("web1"));
  EXPECT_THAT(world.agents.performed(), IsEmpty());
}

TEST(Deployments, AFailedSyncStillTellsWhatItMoved) {
  RunWorld world({.hosts = 1});
  world.agents.Add("web1:8004",
                   std::map<std::string, std::string>{{"nginx", kOldHash}, {"web", kOldHash}});
  world.agents.AddFault({.action = "sync", .code = absl::StatusCode::kInternal, .moves = 1});
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED"));
  ASSERT_THAT(done.hosts(0).moves(), SizeIs(1));
  EXPECT_EQ(done.hosts(0).moves(0).to_hash(), kNewHash);
}

TEST(Deployments, WavesWaitForThePauseBetweenThem) {
  FakeClock clock;
  RunWorld world({.hosts = 3, .clock = &clock, .lock_ttl = absl::Hours(24)});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_canary(1);
  spec.mutable_rollout()->mutable_pause_between()->set_seconds(600);
  const absl::Time until = clock.Now() + absl::Minutes(10);
  const std::string id = world.Begin(spec);
  world.Await(id, [](const v1::Deployment& deployment) {
    return deployment.message() == "pauses after wave 1 until 2026-01-01T00:10:00+00:00";
  });
  world.Stop();
  clock.Advance(absl::Minutes(5));
  world.Start();
  ASSERT_TRUE(clock.AwaitDeadline(until)) << "the pause goes on after a restart";
  EXPECT_THAT(OrderOf(world.agents.performed()), ElementsAre("web1"));
  clock.Advance(absl::Minutes(5));
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED");
  EXPECT_EQ(done.hosts(1).start_time().seconds(), absl::ToUnixSeconds(until));
}

TEST(Deployments, WhatIsNotThereCannotBeCancelledOrResumed) {
  RunWorld world({.hosts = 1});
  EXPECT_TRUE(
      absl::IsNotFound(world.deployments->Cancel("20260101-000000-aaaaaa", "bob", "").status()));
  EXPECT_TRUE(
      absl::IsNotFound(world.deployments->Resume("20260101-000000-aaaaaa", "bob").status()));
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_TRUE(absl::IsFailedPrecondition(world.deployments->Cancel(done.id(), "bob", "").status()));
}

// Storing takes time: the pause is over between the decision to pause and the wait.
TEST(Deployments, APauseThatIsOverBeforeItIsWaitedForIsNotWaitedForEver) {
  FakeClock clock;
  RunWorld world({.hosts = 2, .clock = &clock});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_batch("1");
  spec.mutable_rollout()->mutable_pause_between()->set_seconds(1);
  std::atomic<bool> told = false;
  world.store.OnWrite([&](const std::vector<StoreWrite>& writes) {
    record::v1::DeploymentEntry entry;
    const bool pauses = writes[0].key.starts_with("planner/v1/deployment/") &&
                        writes[0].value.has_value() && entry.ParseFromString(*writes[0].value) &&
                        absl::StrContains(entry.deployment().message(), "pauses after wave 1");
    if (pauses && !told.exchange(true)) clock.Advance(absl::Seconds(1));
  });
  EXPECT_EQ(StateOf(world.Run(spec)), "SUCCEEDED");
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace gitops
