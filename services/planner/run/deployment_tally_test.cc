#include "services/planner/run/deployment_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

HostRecord HostOf(v1::HostDeploymentState state, const std::string& name,
                  const std::string& message = "") {
  HostRecord record;
  record.host.set_host(name);
  record.host.set_message(message);
  record.host.set_state(state);
  return record;
}

TEST(Tally, TroubleIsToldWithTheFirstHostsWhoseOwnMessagesSayWhy) {
  Tally tally;
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_SUCCEEDED, "web1"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_FAILED, "web3", "sync: no such branch"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_UNREACHABLE, "web4", "it does not answer"), tally);
  EXPECT_EQ(TroubleText(tally),
            "1 of 3 hosts failed: web3; 1 of 3 hosts could not be reached: web4");
  EXPECT_EQ(TroubleText(Tally()), "");
}

TEST(Tally, ASingleHostIsNotCounted) {
  Tally tally;
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_FAILED, "web3"), tally);
  EXPECT_EQ(TroubleText(tally), "web3 failed");
}

TEST(Tally, ManyFailuresAreNotAllNamed) {
  Tally tally;
  for (int i = 0; i < 9; ++i)
    Add(HostOf(v1::HOST_DEPLOYMENT_STATE_FAILED, absl::StrCat("w", i)), tally);
  EXPECT_EQ(TroubleText(tally), "9 of 9 hosts failed: w0, w1, w2 and 6 more");
}

TEST(Tally, TheCauseIsThatOfTheFirstHostThatFailedAlsoOnceItIsBroughtBack) {
  Tally tally;
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_UNREACHABLE, "web1", "no route"), tally);
  EXPECT_EQ(CauseText(tally, ""), "no route");
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_FAILED, "web2", "app is frozen"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_FAILED, "web3", "a full disk"), tally);
  EXPECT_EQ(CauseText(tally, ""), "app is frozen");
  Tally back;
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK, "web2", "app is back at 8df1b3db"), back);
  EXPECT_EQ(CauseText(back, "app is frozen"), "app is frozen");
  Tally resumed;
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_RUNNING, "web2"), resumed);
  EXPECT_EQ(CauseText(resumed, "app is frozen"), "");
}

TEST(Tally, CountsAreSetAndTellWhetherTheyChanged) {
  Tally tally;
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_SUCCEEDED, "a"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_FAILED, "b"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED, "c"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_SKIPPED, "d"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_UNREACHABLE, "e"), tally);
  Add(HostOf(v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK, "f"), tally);
  v1::Deployment deployment;
  EXPECT_TRUE(SetCounts(tally, deployment));
  EXPECT_FALSE(SetCounts(tally, deployment));
  EXPECT_EQ(deployment.host_count(), 6);
  EXPECT_EQ(deployment.succeeded_count(), 1);
  EXPECT_EQ(deployment.failed_count(), 2);
  EXPECT_EQ(deployment.skipped_count(), 1);
  EXPECT_EQ(deployment.unreachable_count(), 1);
}

TEST(Phases, EveryStateHasANameAndAHostThatIsRolledBackIsCountedApart) {
  std::set<std::string> names;
  Tally tally;
  for (int state = 1; state <= v1::HostDeploymentState_MAX; ++state) {
    names.insert(PhaseName(state));
    Add(HostOf(static_cast<v1::HostDeploymentState>(state), "a"), tally);
  }
  HostRecord back = HostOf(v1::HOST_DEPLOYMENT_STATE_RUNNING, "b");
  back.rolling_back = true;
  Add(back, tally);
  EXPECT_EQ(tally.phases[v1::HOST_DEPLOYMENT_STATE_RUNNING], 1);
  EXPECT_EQ(tally.phases[kRollingBack], 1);
  names.insert(PhaseName(kRollingBack));
  EXPECT_THAT(names, UnorderedElementsAre("pending", "running", "succeeded", "skipped", "failed",
                                          "unreachable", "stopped", "rolling-back", "rolled-back",
                                          "rollback-failed"));
}

PhaseCounts Running(int hosts) {
  PhaseCounts counts{};
  counts[v1::HOST_DEPLOYMENT_STATE_RUNNING] = hosts;
  return counts;
}

TEST(PhaseGauges, AddUpOverDeploymentsAndGoBackToZero) {
  std::vector<std::pair<std::string, int>> told;
  PhaseGauges gauges([&](const std::string& phase, int hosts) { told.emplace_back(phase, hosts); });
  gauges.Set("one", Running(3));
  gauges.Set("two", Running(2));
  gauges.Set("one", Running(3));
  gauges.Set("one", {});
  gauges.Set("two", {});
  EXPECT_THAT(told, ElementsAre(Pair("running", 3), Pair("running", 5), Pair("running", 2),
                                Pair("running", 0)));
}

}  // namespace
}  // namespace gitops
