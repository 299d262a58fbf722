// Hosts that hang, and hosts that are switched off before their first move.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/clock/fake_clock.h"
#include "services/planner/run/run_testing.h"
#include "services/planner/testing/gate.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;

TEST(HungHosts, AThousandOfOneDeploymentDoNotHoldUpAnotherDeployment) {
  constexpr int kHung = 1000;
  Gate gate;
  RunWorld world({.hosts = kHung + 3, .most_parallel = kHung});
  world.agents.OnPerform([&](const std::string&, const v1::PerformActionRequest& request) {
    if (request.action() == "sync") gate.Pass(nullptr);
  });
  const std::string hung = world.Begin(world.MakePlan(SpecOf({"sync"}, kHung), 1, kHung));
  ASSERT_TRUE(gate.AwaitStanding(kHung));
  const v1::Plan other = world.MakePlan(SpecOf({"freeze"}, kHung), kHung + 1, kHung + 3);
  EXPECT_EQ(StateOf(world.AwaitEnd(world.Begin(other))), "SUCCEEDED");
  gate.Release();
  EXPECT_EQ(StateOf(world.AwaitEnd(hung)), "SUCCEEDED");
}

class HostsSwitchedOff : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Hooks, HostsSwitchedOff, ::testing::Bool());

TEST_P(HostsSwitchedOff, AMomentAfterTheLastContactTheyAreUnreachableAndTheOthersGoOn) {
  RunWorld world({.hosts = 3, .hooks = GetParam()});
  for (const int off : {1, 2}) {
    world.agents.Change(RunWorld::Address(off), [](FakeAgent& agent) {
      agent.up = false;
      agent.connected = true;
    });
  }
  const v1::Deployment done = world.Run(SpecOf({"sync"}));
  EXPECT_THAT(States(done), ElementsAre("web1 UNREACHABLE", "web2 UNREACHABLE", "web3 SUCCEEDED"));
  EXPECT_TRUE(world.agents.ActionsOn("web1:8004").empty());
}

TEST(AHost, ThatIsSwitchedOffBetweenTwoActionsHasFailed) {
  RunWorld world({.hosts = 2});
  world.agents.OnPerform([&](const std::string& address, const v1::PerformActionRequest& request) {
    if (address != "web1:8004" || request.action() != "sync") return;
    world.agents.Change(address, [](FakeAgent& agent) {
      agent.up = false;
      agent.connected = true;
    });
  });
  const v1::Deployment done = world.Run(SpecOf({"sync", "freeze"}));
  EXPECT_THAT(States(done), ElementsAre("web1 FAILED", "web2 PENDING"));
}

TEST(Hosts, AreProbedOnceBeforeTheirFirstMoveHoweverManyFollow) {
  FakeClock clock;
  RunWorld world({.hosts = 5, .clock = &clock});
  EXPECT_EQ(StateOf(world.Run(SpecOf({"sync", "freeze", "unfreeze"}, 2))), "SUCCEEDED");
  EXPECT_EQ(world.agents.status_calls(), 5);
}

}  // namespace
}  // namespace gitops
