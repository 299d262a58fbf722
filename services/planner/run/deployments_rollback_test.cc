#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "common/testing/eventually.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

using Hashes = std::map<std::string, std::string>;

v1::DeploymentSpec Rolling(const std::vector<std::string>& actions, int canary = 0) {
  v1::DeploymentSpec spec = SpecOf(actions);
  spec.mutable_rollout()->set_on_failure(v1::Rollout::ON_FAILURE_ROLLBACK);
  spec.mutable_rollout()->set_canary(canary);
  return spec;
}

TEST(DeploymentRollback, TheFailedWaveIsBroughtBackAndOthersAreLeftAlone) {
  RunWorld world({.hosts = 5});
  world.agents.FailAction("web3:8004", "freeze");
  const v1::Deployment done = world.Run(Rolling({"sync", "freeze", "unfreeze"}, 1));
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done), ElementsAre("web1 SUCCEEDED", "web2 ROLLED_BACK", "web3 ROLLED_BACK",
                                        "web4 PENDING", "web5 PENDING"));
  EXPECT_EQ(world.agents.Look("web1:8004").services["nginx"].hash, kNewHash);
  EXPECT_EQ(world.agents.Look("web2:8004").services["nginx"].hash, kOldHash);
  EXPECT_EQ(world.agents.Look("web3:8004").services["nginx"].hash, kOldHash);
  EXPECT_THAT(done.message(), HasSubstr("wave 2 was rolled back"));
  EXPECT_THAT(done.message(), HasSubstr("1 host failed"));
  const v1::HostDeployment& host = done.hosts(1);
  EXPECT_THAT(host.message(), HasSubstr(absl::StrCat("nginx is back at ", kOldHash)));
  EXPECT_THAT(host.message(), HasSubstr("freeze, unfreeze cannot be undone"));
  EXPECT_THAT(done.hosts(2).message(), HasSubstr("it had failed: freeze"));
  EXPECT_EQ(host.steps(host.steps_size() - 1).kind(), v1::STEP_KIND_ROLLBACK);
  EXPECT_THAT(host.moves(), SizeIs(2));
}

TEST(DeploymentRollback, WhatCannotBeBroughtBackIsSaid) {
  RunWorld world({.hosts = 2});
  world.agents.Add("web1:8004", Hashes{{"fresh", ""}, {"nginx", kOldHash}, {"web", kOldHash}});
  world.agents.FailAction("web1:8004", "freeze");
  world.agents.AddFault({.address = "web1:8004",
                         .action = "sync",
                         .skip = 1,
                         .times = 1,
                         .code = absl::StatusCode::kInternal,
                         .message = "disk full"});
  const v1::Deployment done = world.Run(Rolling({"sync", "freeze"}));
  EXPECT_THAT(States(done), ElementsAre("web1 ROLLBACK_FAILED", "web2 PENDING"));
  const std::string& message = done.hosts(0).message();
  EXPECT_THAT(message, HasSubstr(absl::StrCat("nginx is back at ", kOldHash)));
  EXPECT_THAT(message, HasSubstr(absl::StrCat("web could not be brought back to ", kOldHash)));
  EXPECT_THAT(message, HasSubstr("disk full"));
  EXPECT_THAT(message, HasSubstr(absl::StrCat("fresh stays at ", kNewHash)));
  EXPECT_THAT(message, HasSubstr("nothing was published before"));
  EXPECT_THAT(message, Not(HasSubstr("cannot be undone")));
  EXPECT_EQ(world.agents.Look("web1:8004").services["web"].hash, kNewHash);
}

TEST(DeploymentRollback, ASyncWhoseAnswerWasLostIsAskedForAgainAndBroughtBack) {
  for (const auto code : {absl::StatusCode::kAborted, absl::StatusCode::kDeadlineExceeded}) {
    RunWorld world({.hosts = 1});
    world.agents.AddFault({.action = "sync", .times = 1, .code = code, .after_effect = true});
    const v1::Deployment done = world.Run(Rolling({"sync"}));
    EXPECT_THAT(States(done), ElementsAre("web1 ROLLED_BACK"));
    EXPECT_THAT(done.hosts(0).message(), HasSubstr(absl::StrCat("nginx is back at ", kOldHash)));
    EXPECT_EQ(world.agents.Look("web1:8004").services["nginx"].hash, kOldHash);
    EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync", "sync"));
  }
}

TEST(DeploymentRollback, WhatALostSyncMovedIsSaidToBeUnknownWhereNobodyTells) {
  RunWorld world({.hosts = 1});
  world.agents.AddFault({.action = "sync", .code = absl::StatusCode::kAborted});
  const v1::Deployment done = world.Run(Rolling({"sync"}));
  EXPECT_THAT(States(done), ElementsAre("web1 ROLLBACK_FAILED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("it is not known what sync moved"));
  EXPECT_THAT(done.hosts(0).message(), Not(HasSubstr("no service had moved")));
}

TEST(DeploymentRollback, AnAgentThatIsAwayForAMomentIsTriedAgain) {
  RunWorld world({.hosts = 1});
  world.agents.FailAction("web1:8004", "freeze");
  world.agents.AddFault({.address = "web1:8004",
                         .action = "sync",
                         .skip = 1,
                         .times = 1,
                         .code = absl::StatusCode::kUnavailable});
  const v1::Deployment done = world.Run(Rolling({"sync", "freeze"}));
  EXPECT_THAT(States(done), ElementsAre("web1 ROLLED_BACK")) << done.hosts(0).message();
}

TEST(DeploymentRollback, AnAgentThatIsAwayIsWaitedForAsLongAsTheReturnTimeoutSays) {
  for (const bool comes_back : {true, false}) {
    FakeClock clock;
    RunWorld world({.hosts = 1,
                    .clock = &clock,
                    .lock_ttl = absl::Hours(1),
                    .return_timeout = absl::Seconds(comes_back ? 300 : 5)});
    world.agents.FailAction("web1:8004", "freeze");
    world.agents.OnPerform([&](const std::string& address, const v1::PerformActionRequest& asked) {
      if (asked.action() == "freeze") world.agents.SetUp(address, false);
    });
    const std::string id = world.Begin(Rolling({"sync", "freeze"}));
    EXPECT_EQ(EndsWithin(absl::Seconds(comes_back ? 60 : 15), id, world, clock), !comes_back);
    if (comes_back) world.agents.SetUp("web1:8004", true);
    EXPECT_TRUE(EndsWithin(absl::Minutes(1), id, world, clock));
    const v1::Deployment done = world.AwaitEnd(id);
    EXPECT_THAT(States(done),
                ElementsAre(comes_back ? "web1 ROLLED_BACK" : "web1 ROLLBACK_FAILED"));
    EXPECT_THAT(done.hosts(0).message(),
                HasSubstr(comes_back ? "nginx is back at" : "cannot reach the agent"));
  }
}

TEST(DeploymentRollback, EachServiceIsReturnedOnceAlsoWhereTheStateIsOfAnEarlierVersion) {
  for (const bool earlier_version : {false, true}) {
    RunWorld world({.hosts = 1});
    world.agents.Add("web1:8004", Hashes{{"a", kOldHash}, {"b", kOldHash}, {"c", kOldHash}});
    world.agents.FailAction("web1:8004", "freeze");
    world.agents.AddFault({.action = "sync", .skip = 2, .times = 1, .hang = true});
    const std::string id = world.Begin(Rolling({"sync", "freeze"}));
    ASSERT_TRUE(world.agents.AwaitHeld(1)) << "one service is back, the second is asked for";
    world.Stop();
    if (earlier_version) {
      // It stored how the host had failed, and that it was being rolled back; no services.
      HostRecord host = world.records.LoadHosts(id)->at(0);
      ASSERT_THAT(host.progress.returns(), SizeIs(3));
      ASSERT_THAT(host.host.moves(), SizeIs(4));
      host.host.mutable_moves()->RemoveLast();
      host.progress.clear_returns();
      host.progress.set_steps(host.progress.steps() - 1);
      host.progress.set_moves(host.progress.moves() - 1);
      host.progress.set_step_kind(0);
      host.progress.set_stage(0);
      host.progress.set_outcome(3);
      host.progress.set_step_result(record::v1::STEP_RESULT_FAILED);
      ASSERT_TRUE(world.records.SaveHost(id, 0, host, nullptr).ok());
    }
    world.agents.ClearFaults();
    world.agents.FailAction("web1:8004", "freeze");
    world.Start();
    const v1::Deployment done = world.AwaitEnd(id);
    EXPECT_THAT(States(done), ElementsAre("web1 ROLLED_BACK"));
    for (const char* service : {"a", "b", "c"}) {
      EXPECT_EQ(world.agents.Look("web1:8004").services[service].hash, kOldHash) << service;
      EXPECT_THAT(done.hosts(0).message(), HasSubstr(absl::StrCat(service, " is back at ")));
    }
    EXPECT_THAT(done.hosts(0).message(), HasSubstr("it had failed: freeze"));
    EXPECT_THAT(done.hosts(0).moves(), SizeIs(6));
    EXPECT_EQ(done.hosts(0).steps_size(), 2);
    // The second was requested but not done before the planner stopped.
    EXPECT_THAT(world.agents.ActionsOn("web1:8004"),
                ElementsAre("sync", "freeze", "sync", "sync", "sync", "sync"));
  }
}

TEST(DeploymentRollback, ABrokenLockEndsItAndTheServicesThatStayAreNamed) {
  RunWorld world({.hosts = 1});
  world.agents.Add("web1:8004", Hashes{{"a", kOldHash}, {"b", kOldHash}});
  world.agents.FailAction("web1:8004", "freeze");
  world.agents.AddFault({.action = "sync", .skip = 1, .times = 1, .hang = true});
  const std::string id = world.Begin(Rolling({"sync", "freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  ASSERT_TRUE(world.locks->Break("web1", "bob", "mine").ok());
  world.agents.Release();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_THAT(States(done), ElementsAre("web1 ROLLBACK_FAILED"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("b is back at"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("a could not be brought back to"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("its lock was broken"));
}

TEST(DeploymentRollback, AHostThatLeftTheConfigurationIsRolledBackAtTheAddressItHad) {
  RunWorld world({.hosts = 1});
  world.agents.FailAction("web1:8004", "freeze");
  world.agents.OnPerform([&](const std::string&, const v1::PerformActionRequest& asked) {
    if (asked.action() == "freeze") world.Forget(1);
  });
  const v1::Deployment done = world.Run(Rolling({"sync", "freeze"}));
  EXPECT_THAT(States(done), ElementsAre("web1 ROLLED_BACK"));
  EXPECT_EQ(world.agents.Look("web1:8004").services["nginx"].hash, kOldHash);
}

TEST(DeploymentRollback, OneThatLostItsLocksDoesNotLendItsOperationsToTheNext) {
  FakeClock clock;
  RunWorld world({.hosts = 1, .clock = &clock});
  const Hashes old = {{"a", kOldHash}, {"b", kOldHash}, {"c", kOldHash}, {"d", kOldHash}};
  world.agents.Add("web1:8004", old);
  world.agents.FailAction("web1:8004", "freeze");
  world.agents.AddFault({.action = "sync", .skip = 3, .times = 1, .hang = true});
  const std::string id = world.Begin(Rolling({"sync", "freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1)) << "it is being brought back";
  world.store.Cut();
  clock.Advance(absl::Minutes(10));
  ASSERT_TRUE(Eventually([&] { return world.temp.store()->List("planner/v1/lock/")->empty(); }));
  world.store.Heal();
  world.agents.Release();
  const v1::Deployment left = world.Await(id, [&](const v1::Deployment& d) {
    clock.Advance(absl::Seconds(1));
    return HasEnded(d.state());
  });
  EXPECT_EQ(StateOf(left), "INTERRUPTED");
  EXPECT_THAT(States(left), ElementsAre("web1 ROLLBACK_FAILED"));
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_THAT(States(world.AwaitEnd(id)), ElementsAre("web1 ROLLED_BACK"));
  for (const auto& [name, service] : world.agents.Look("web1:8004").services) {
    EXPECT_EQ(service.hash, kOldHash) << name;
  }
}

TEST(DeploymentRollback, AHostThatMovedNothingHasNothingToBringBack) {
  RunWorld world({.hosts = 1});
  world.agents.FailAction("web1:8004", "sync");
  const v1::Deployment done = world.Run(Rolling({"sync"}));
  EXPECT_THAT(States(done), ElementsAre("web1 ROLLED_BACK"));
  EXPECT_THAT(done.hosts(0).message(), HasSubstr("no service had moved"));
  EXPECT_THAT(world.agents.performed(), SizeIs(1));
}

TEST(DeploymentRollback, AResumedRolledBackHostBeginsAnewAndCanBeBroughtBackAgain) {
  RunWorld world({.hosts = 1});
  world.agents.FailAction("web1:8004", "freeze");
  const std::string id = world.Run(Rolling({"sync", "freeze"})).id();
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_THAT(States(world.AwaitEnd(id)), ElementsAre("web1 ROLLED_BACK"));
  EXPECT_EQ(world.agents.Look("web1:8004").services["nginx"].hash, kOldHash);
  world.agents.ClearFaults();
  ASSERT_TRUE(world.deployments->Resume(id, "bob").ok());
  EXPECT_THAT(States(world.AwaitEnd(id)), ElementsAre("web1 SUCCEEDED"));
  EXPECT_EQ(world.agents.Look("web1:8004").services["nginx"].hash, kNewHash);
}

TEST(RollBack, IsADeploymentThatBringsServicesBackOnHostsInReverseOrder) {
  RunWorld world({.hosts = 3});
  for (const int host : {1, 2, 3}) {
    world.agents.Add(RunWorld::Address(host), Hashes{{"nginx", kOldHash}, {"web", kOldHash}});
  }
  world.agents.Add("web2:8004", Hashes{{"nginx", kNewHash}, {"web", kNewHash}});
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  // One that is there now and was not concerned has no say.
  world.agents.Change("web1:8004", [](FakeAgent& agent) {
    agent.services["later"] = {.hash = kOldHash, .frozen_by = "bob"};
  });
  Deployments::NewDeployment undo;
  const Actor bob = MakePrincipal("bob", "", "unix:");
  undo.actor = bob;
  const absl::StatusOr<v1::Deployment> begun = world.deployments->RollBack(done.id(), undo);
  ASSERT_TRUE(begun.ok()) << begun.status().ToString();
  EXPECT_EQ(begun->rollback_of(), done.id());
  EXPECT_EQ(ReadActor(*begun), bob);
  const v1::Deployment back = world.AwaitEnd(begun->id());
  EXPECT_EQ(StateOf(back), "SUCCEEDED") << back.message();
  EXPECT_THAT(States(back), ElementsAre("web3 SUCCEEDED", "web1 SUCCEEDED")) << "web2 did not move";
  EXPECT_THAT(back.hosts(0).actions(), ElementsAre("sync"));
  for (const int host : {1, 3}) {
    FakeAgent agent = world.agents.Look(RunWorld::Address(host));
    EXPECT_EQ(agent.services["nginx"].hash, kOldHash);
    EXPECT_EQ(agent.services["web"].hash, kOldHash);
  }
}

TEST(RollBack, IsOnlyForADeploymentThatHasEndedAndMovedSomething) {
  RunWorld world({.hosts = 1});
  EXPECT_TRUE(absl::IsNotFound(world.deployments->RollBack("D9", {}).status()));
  world.agents.Hold();
  const std::string id = world.Begin(SpecOf({"freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  const auto running = world.deployments->RollBack(id, {}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(running));
  EXPECT_THAT(std::string(running.message()), HasSubstr("has not ended"));
  world.agents.Release();
  world.AwaitEnd(id);
  const auto nothing = world.deployments->RollBack(id, {}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(nothing));
  EXPECT_THAT(std::string(nothing.message()), HasSubstr("it moved no service"));
}

}  // namespace
}  // namespace gitops
