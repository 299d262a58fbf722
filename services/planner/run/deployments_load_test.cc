#include <gtest/gtest.h>

#include <iostream>

#include "common/testing/eventually.h"
#include "services/planner/run/run_testing.h"

namespace gitops {
namespace {

TEST(DeploymentLoad, AThousandHostsThatAreThereAlreadyAreDoneQuickly) {
  constexpr int kHosts = 1000;
  RunWorld world({.hosts = kHosts});
  for (int host = 1; host <= kHosts; ++host) {
    world.agents.Add(RunWorld::Address(host),
                     std::map<std::string, std::string>{{"nginx", kNewHash}});
  }
  const v1::Plan plan = world.MakePlan(SpecOf({"sync"}, kHosts));
  const absl::Time begun = absl::Now();
  const int before = world.store.writes();
  const std::string id = world.Begin(plan);
  ASSERT_TRUE(Eventually([&] { return HasEnded(world.records.Load(id)->deployment.state()); }));
  const absl::Duration took = absl::Now() - begun;
  const int writes = world.store.writes() - before;
  const v1::Deployment done = world.AwaitEnd(id);
  EXPECT_EQ(StateOf(done), "SUCCEEDED") << done.message();
  EXPECT_EQ(done.succeeded_count(), kHosts);
  // Each host is stored when it begins and when it ends.
  EXPECT_LT(writes, 2 * kHosts + 100);
  EXPECT_LT(took, absl::Seconds(30));
  std::cout << kHosts << " hosts took " << took << ", " << writes << " writes\n";
}

}  // namespace
}  // namespace gitops
