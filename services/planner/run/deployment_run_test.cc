#include "services/planner/run/deployment_run.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/clock/fake_clock.h"
#include "common/testing/eventually.h"
#include "services/planner/run/host_run.h"
#include "services/planner/run/new_entries.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

DeploymentRun::Parts PartsOf(const DeploymentsOptions& options, WorkerPool& workers) {
  static RunningChecks* const checks = new RunningChecks;
  return {.options = &options, .workers = &workers, .checks = checks, .counted = nullptr};
}

TEST(DeploymentRun, SettingTheWallClockNeitherEndsNorProlongsAPause) {
  FakeClock clock;
  DeploymentsOptions options;
  options.clock = &clock;
  WorkerPool workers(1);
  DeploymentRun run(PartsOf(options, workers), {}, {}, nullptr);
  std::atomic<bool> over = false;
  std::thread pausing([&] {
    EXPECT_TRUE(run.Pause(absl::Seconds(10)));
    over = true;
  });
  ASSERT_TRUE(clock.AwaitWaiters(1));
  clock.SetTime(clock.Now() + absl::Hours(1));
  clock.Advance(absl::Seconds(9));
  EXPECT_FALSE(over);
  clock.SetTime(clock.Now() - absl::Hours(2));
  clock.Advance(absl::Seconds(1));
  pausing.join();
}

TEST(DeploymentRun, OneThatHasNothingLeftToDoEndsThoughItsLeaseHasEnded) {
  FakeClock clock;
  RunWorld world({.hosts = 1, .clock = &clock});
  const std::string id = world.Run(SpecOf({"sync"})).id();
  DeploymentRecord entry = *world.records.Load(id);
  entry.deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
  ASSERT_TRUE(world.records.Save(entry).ok());
  auto locks = world.locks->Acquire({.deployment = id, .actor = "alice", .hosts = {"web1"}});
  ASSERT_TRUE(locks.ok());
  DeploymentsOptions options;
  options.clock = &clock;
  options.store = &world.records;
  options.locks = world.locks.get();
  options.planner = "planner-1";
  WorkerPool workers(1);
  clock.Advance(absl::Minutes(10));
  ASSERT_FALSE((*locks)->Check("web1").ok());
  DeploymentRun run(PartsOf(options, workers), entry, *world.records.LoadHosts(id),
                    *std::move(locks));
  run.Run();
  EXPECT_EQ(StateOf(*world.records.Whole(id)), "SUCCEEDED");
}

TEST(DeploymentRun, OneThatHasEndedDoesNotOverwriteTheRecordOfTheRunThatResumedIt) {
  RunWorld world({.hosts = 1});
  const std::string id = world.Run(SpecOf({"sync"})).id();
  DeploymentsOptions options = world.RunOptions();
  WorkerPool workers(1);
  DeploymentRun ended(PartsOf(options, workers), *world.records.Load(id), {}, nullptr);
  DeploymentRecord resumed = *world.records.Load(id);
  resumed.deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
  ASSERT_TRUE(world.records.Save(resumed).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(ended.Cancel("bob", "").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(ended.AddNote("a lock was broken", "bob")));
  EXPECT_EQ(StateOf(world.records.Load(id)->deployment), "RUNNING");
}

void AwaitTrouble(DeploymentRun& run) {
  EXPECT_TRUE(Eventually([&] { return !run.trouble().empty(); })) << "it could store everything";
}

TEST(HostRun, AnEndThatCannotBeStoredIsNone) {
  RunWorld world({.hosts = 1});
  const std::string id = world.records.NewDeploymentId();
  const v1::Plan plan = world.MakePlan(SpecOf({"sync", "freeze"}));
  const auto entry =
      MakeDeploymentEntry(id, RunWorld::New(plan), plan, "planner-1", world.clock->Now());
  const auto hosts = MakeHostEntries(plan);
  ASSERT_TRUE(world.records.Create(entry, hosts, {}).ok());
  auto locks = world.locks->Acquire({.deployment = id, .hosts = {"web1"}});
  ASSERT_TRUE(locks.ok());
  DeploymentsOptions options;
  options.clock = world.clock;
  options.store = &world.records;
  options.fleet = world.fleet.get();
  options.agents = &world.agents;
  options.hooks = &world.hooks;
  options.checks = &world.checks;
  WorkerPool workers(1);
  DeploymentRun run(PartsOf(options, workers), entry, hosts, *std::move(locks));
  world.agents.OnPerform([&](const std::string&, const v1::PerformActionRequest& request) {
    if (request.action() == "freeze") world.store.Cut();
  });
  std::thread stopper([&] {
    AwaitTrouble(run);
    run.Stop();
  });
  const v1::HostDeployment left = RunHost(&run, 0, hosts[0], /*recovered=*/false).host;
  stopper.join();
  world.store.Heal();
  EXPECT_EQ(left.state(), v1::HOST_DEPLOYMENT_STATE_RUNNING);
  const v1::HostDeployment stored = (*world.records.LoadHosts(id))[0].host;
  EXPECT_EQ(stored.state(), v1::HOST_DEPLOYMENT_STATE_RUNNING);
}

TEST(HostSession, AStepThatCannotBeReadForAWhileIsNotLost) {
  RunWorld world({.hosts = 1});
  const std::string id = world.Run(SpecOf({"sync"})).id();
  const std::vector<HostRecord> hosts = *world.records.LoadHosts(id);
  DeploymentsOptions options;
  options.clock = Clock::System();
  options.store = &world.records;
  WorkerPool workers(1);
  DeploymentRun run(PartsOf(options, workers), *world.records.Load(id), hosts, nullptr);
  world.store.Cut();
  std::thread healer([&] {
    AwaitTrouble(run);
    world.store.Heal();
  });
  v1::StepRecord step;
  EXPECT_TRUE(run.LoadStep(0, 1, step));
  healer.join();
  EXPECT_EQ(step.number(), 1);
  EXPECT_EQ(run.trouble(), "");
  EXPECT_TRUE(run.LoadStep(0, 7, step));
  EXPECT_EQ(step.number(), 0) << "there is none";
}

}  // namespace
}  // namespace gitops
