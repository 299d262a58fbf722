#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/fake_clock.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// What becomes of the world when the planner is killed right after a write.
enum class Killed {
  kAtOnce,     // nothing more is asked of anyone
  kOneFurther  // what comes next is done, and its outcome is not stored
};

struct Scenario {
  const char* name;
  std::vector<std::string> actions;
  v1::Rollout::OnFailure on_failure = v1::Rollout::ON_FAILURE_STOP;
  std::string failing;       // an action, on web2
  std::string failing_hook;  // a point, of web2
  std::vector<std::string> states;
  std::vector<std::string> web1, web2;  // what is done on them, in order
};

std::vector<Scenario> Scenarios() {
  return {
      {.name = "all goes well",
       .actions = {"sync", "reboot", "freeze"},
       .states = {"web1 SUCCEEDED", "web2 SUCCEEDED"},
       .web1 = {"sync", "reboot", "freeze"},
       .web2 = {"sync", "reboot", "freeze"}},
      {.name = "an action fails",
       .actions = {"sync", "freeze"},
       .failing = "freeze",
       .states = {"web1 SUCCEEDED", "web2 FAILED"},
       .web1 = {"sync", "freeze"},
       .web2 = {"sync", "freeze"}},
      {.name = "a wave is brought back",
       .actions = {"sync", "reboot"},
       .on_failure = v1::Rollout::ON_FAILURE_ROLLBACK,
       .failing = "reboot",
       .states = {"web1 ROLLED_BACK", "web2 ROLLED_BACK"},
       .web1 = {"sync", "reboot", "sync"},
       .web2 = {"sync", "reboot", "sync"}},
      {.name = "a hook stops it before anything was done",
       .actions = {"sync", "reboot"},
       .failing_hook = "pre-deploy",
       .states = {"web1 SUCCEEDED", "web2 FAILED"},
       .web1 = {"sync", "reboot"},
       .web2 = {}},
      {.name = "a hook stops it after a step",
       .actions = {"sync", "reboot"},
       .failing_hook = "post-deploy",
       .states = {"web1 SUCCEEDED", "web2 FAILED"},
       .web1 = {"sync", "reboot"},
       .web2 = {"sync"}},
  };
}

class RestartAtEveryMove : public ::testing::TestWithParam<Killed> {
 protected:
  // Runs the scenario, killing the planner after its `write`th write (0: never). Returns how many
  // writes there were.
  int RunWith(const Scenario& scenario, int write);
  void Kill(RunWorld& world, int write, const std::string& id);
};

// Of the answers that were stored, none may be asked for again: only the one call that was under
// way when the planner was killed, on each host, is made twice.
void ExpectHooksAskedOnce(RunWorld& world, const std::set<std::string>& stored) {
  std::map<std::string, int> asked;
  for (const v1::DispatchHookRequest& request : world.hooks.requests()) {
    ++asked[request.idempotency_key()];
  }
  EXPECT_FALSE(asked.empty());
  for (const auto& [key, times] : asked) {
    EXPECT_LE(times, stored.contains(key) ? 1 : 2) << key;
  }
}

void Fail(RunWorld& world, const Scenario& scenario) {
  if (!scenario.failing.empty()) world.agents.FailAction("web2:8004", scenario.failing);
  if (scenario.failing_hook.empty()) return;
  world.hooks.Add({.point = scenario.failing_hook, .host = "web2", .failed_hook = "drain"});
}

// What a pre- hook may have taken, its post- hook gives back, also when the planner dies between.
void ExpectGivenBack(RunWorld& world) {
  std::set<std::string> taken, given;
  for (const v1::DispatchHookRequest& request : world.hooks.requests()) {
    const std::string& key = request.idempotency_key();
    const size_t point = key.rfind('/') + 1;
    const bool post = key.compare(point, 5, "post-") == 0;
    (post ? given : taken).insert(key.substr(0, point) + key.substr(key.find('-', point)));
  }
  EXPECT_EQ(taken, given);
}

// Without an action whose answer the killed planner did not wait for: it asks for it again.
std::vector<std::string> DoneOn(RunWorld& world, const std::string& address) {
  std::vector<std::string> actions;
  for (const FakePerformed& performed : world.agents.performed()) {
    if (performed.address != address || performed.repeated) continue;
    if (performed.code != absl::StatusCode::kCancelled)
      actions.push_back(performed.request.action());
  }
  return actions;
}

int RestartAtEveryMove::RunWith(const Scenario& scenario, int write) {
  FakeClock clock;  // stands still, so that counts are not stored now and then
  RunWorld world({.hosts = 2, .hooks = true, .clock = &clock});
  Fail(world, scenario);
  for (const int host : {1, 2}) {
    world.Configure(host, [](HostSpec& spec) { spec.health_checks.http.emplace_back(); });
  }
  v1::DeploymentSpec spec = SpecOf(scenario.actions);
  spec.mutable_rollout()->set_on_failure(scenario.on_failure);
  const v1::Plan plan = world.MakePlan(spec);
  const int before = world.store.writes();
  std::set<std::string> stored;
  if (write > 0) {
    world.store.CutAfter(write, [&] {
      world.store.Cut();
      if (GetParam() != Killed::kAtOnce) return;
      world.agents.Hold();
      world.hooks.Add({.stall = true});
      world.checks.Add({.hang = true});
    });
  }
  const std::string id = world.Begin(plan);
  if (write > 0) {
    const bool cut = world.store.AwaitCut();
    world.Stop();
    TestRecords records(world.temp.store(), world.clock);
    const v1::Deployment whole = *records.Whole(id);
    EXPECT_TRUE(cut || HasEnded(whole.state())) << "fewer writes than before, and it stands still";
    for (const v1::HostDeployment& host : whole.hosts()) {
      for (const v1::StepRecord& step : host.steps()) {
        for (const v1::HookCall& call : step.hook_calls()) {
          stored.insert(absl::StrCat(id, "/", host.host(), "/", step.number(), "/", call.point()));
        }
      }
    }
    world.agents.ClearFaults();
    world.hooks.Clear();
    world.checks.Clear();
    Fail(world, scenario);
    world.store.Heal();
    world.Start();
  }
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(States(done), scenario.states) << done.message();
  EXPECT_EQ(DoneOn(world, "web1:8004"), scenario.web1);
  EXPECT_EQ(DoneOn(world, "web2:8004"), scenario.web2);
  EXPECT_EQ(world.agents.peak(), 1);
  ExpectHooksAskedOnce(world, stored);
  ExpectGivenBack(world);
  const int moves = static_cast<int>(scenario.web1.size());
  EXPECT_GE(done.hosts(0).steps_size(), moves > 2 ? 3 : 2);
  for (const v1::StepRecord& step : done.hosts(0).steps()) {
    EXPECT_TRUE(step.has_end_time()) << step.DebugString();
  }
  return world.store.writes() - before;
}

TEST_P(RestartAtEveryMove, EachActionIsDoneOnceNoneIsLeftOutAndNoFinishedHookIsAskedAgain) {
  for (const Scenario& scenario : Scenarios()) {
    const int writes = RunWith(scenario, 0);
    EXPECT_GT(writes, 10);
    for (int write = 2; write <= writes; ++write) {
      SCOPED_TRACE(absl::StrCat(scenario.name, ", killed after write ", write, " of ", writes));
      RunWith(scenario, write);
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Killed, RestartAtEveryMove,
                         ::testing::Values(Killed::kAtOnce, Killed::kOneFurther));

TEST(DeploymentRestart, AnAgentThatIsAwayIsWaitedForAsLongAsTheReturnTimeoutSays) {
  for (const bool comes_back : {true, false}) {
    FakeClock clock;
    RunWorld world({.hosts = 1,
                    .clock = &clock,
                    .lock_ttl = absl::Hours(1),
                    .return_timeout = absl::Seconds(comes_back ? 300 : 5)});
    world.agents.Hold("sync");
    const std::string id = world.Begin(SpecOf({"sync"}));
    ASSERT_TRUE(world.agents.AwaitHeld(1));
    world.Stop();
    world.agents.ClearFaults();
    world.agents.SetUp("web1:8004", false);
    world.Start();
    EXPECT_EQ(EndsWithin(absl::Seconds(comes_back ? 60 : 15), id, world, clock), !comes_back);
    if (comes_back) world.agents.SetUp("web1:8004", true);
    EXPECT_TRUE(EndsWithin(absl::Minutes(1), id, world, clock));
    EXPECT_THAT(States(world.AwaitEnd(id)),
                ElementsAre(comes_back ? "web1 SUCCEEDED" : "web1 FAILED"));
  }
}

TEST(DeploymentRestart, ACancelledDeploymentStaysCancelled) {
  RunWorld world({.hosts = 3});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "reboot"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  ASSERT_TRUE(world.deployments->Cancel(id, "bob", "").ok());
  world.Stop();
  world.agents.ClearFaults();
  world.Start();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "CANCELLED");
  EXPECT_THAT(States(done), ElementsAre("web1 STOPPED", "web2 PENDING", "web3 PENDING"));
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync"));
  EXPECT_THAT(done.events(1).message(), HasSubstr("taken up again by planner planner-1"));
}

TEST(DeploymentRestart, AHookThatMayHaveBeenAskedIsFollowedByItsPostHookThoughOthersStoppedAll) {
  RunWorld world({.hosts = 3, .hooks = true});
  world.hooks.Add({.point = "pre-deploy", .host = "web1", .stall = true});
  world.hooks.Add({.host = "web3", .failed_hook = "drain"});
  const std::string id = world.Begin(SpecOf({"sync", "reboot"}, 2));
  ASSERT_TRUE(world.hooks.AwaitStalled(1));
  world.Await(id, [](const v1::Deployment& d) {
    return d.hosts(2).state() == v1::HOST_DEPLOYMENT_STATE_FAILED;
  });
  world.Stop();
  world.hooks.Clear();
  const size_t before = world.hooks.asked().size();
  world.Start();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "FAILED");
  EXPECT_EQ(States(done)[0], "web1 STOPPED");
  std::vector<std::string> asked = world.hooks.asked();
  asked.erase(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_THAT(asked, ElementsAre("pre-deploy web1 [sync reboot]", "post-deploy web1 [reboot] ok"));
  EXPECT_THAT(done.hosts(0).remaining_actions(), ElementsAre("reboot"));
}

TEST(DeploymentRestart, WhatAPlannerOfAnotherNameLeftIsTakenOverByTheSoleOne) {
  FakeClock clock;  // stands still: locks of the other name do not end by themselves
  RunWorld world({.hosts = 2, .clock = &clock, .sole_planner = true});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "freeze"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.Stop();
  world.agents.ClearFaults();
  world.planner = "renamed";
  world.Start();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
  EXPECT_EQ(done.planner(), "renamed");
  EXPECT_THAT(done.events(0).message(), HasSubstr("taken over from planner planner-1"));
  EXPECT_THAT(world.agents.ActionsOn("web2:8004"), ElementsAre("sync", "freeze"));
}

TEST(DeploymentRestart, WhatAnotherPlannerOfASharedStoreRunsIsLeftToIt) {
  RunWorld world({.hosts = 1});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.Stop();
  world.planner = "another";
  world.Start();
  EXPECT_EQ(world.records.Load(id)->deployment.planner(), "planner-1");
  EXPECT_TRUE(absl::IsFailedPrecondition(world.deployments->Cancel(id, "bob", "").status()));
}

TEST(DeploymentRestart, FailuresFromBeforeItCount) {
  RunWorld world({.hosts = 4});
  world.agents.FailAction("web1:8004", "sync");
  world.agents.FailAction("web3:8004", "sync");
  world.agents.AddFault({.address = "web2:8004", .hang = true});
  v1::DeploymentSpec spec = SpecOf({"sync"});
  spec.mutable_rollout()->set_max_failures("1");
  const std::string id = world.Begin(spec);
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.Stop();
  world.agents.ClearFaults();
  world.agents.FailAction("web3:8004", "sync");
  world.Start();
  EXPECT_THAT(States(world.AwaitEnd(id)),
              ElementsAre("web1 FAILED", "web2 SUCCEEDED", "web3 FAILED", "web4 PENDING"));
}

TEST(DeploymentRestart, AFullDiskForAWhileHoldsItUpAndHarmsNothing) {
  RunWorld world({.hosts = 3});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync", "reboot"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.store.Cut();
  world.agents.ClearFaults();
  world.agents.Release();
  // It has finished the moves in progress, and waits with the rest.
  absl::Time until = absl::Now() + absl::Milliseconds(400);
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  while (Clock::System()->WaitUntil(mutex, never, until)) {
  }
  EXPECT_THAT(world.agents.performed(), SizeIs(1));
  EXPECT_THAT(world.deployments->Trouble(id), ::testing::HasSubstr("cannot store"));
  world.store.Heal();
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED");
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync", "reboot"));
  EXPECT_THAT(done.message(), ::testing::IsEmpty());
  EXPECT_EQ(world.deployments->Trouble(id), "");
}

TEST(DeploymentRestart, AStopWhileTheDiskIsFullComesToItsEnd) {
  RunWorld world({.hosts = 2});
  world.agents.Hold("sync");
  const std::string id = world.Begin(SpecOf({"sync"}));
  ASSERT_TRUE(world.agents.AwaitHeld(1));
  world.store.Cut();
  world.agents.ClearFaults();
  world.agents.Release();
  world.Stop();
  world.store.Heal();
  world.Start();
  EXPECT_EQ(StateOf(world.AwaitEnd(id)), "SUCCEEDED");
  EXPECT_THAT(world.agents.ActionsOn("web1:8004"), ElementsAre("sync"));
}

}  // namespace
}  // namespace gitops
