#include "services/planner/run/deployment_tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "services/planner/run/phase_gauges.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

v1::HostDeployment HostOf(const std::string& name, const std::string& message = "") {
  v1::HostDeployment host;
  host.set_host(name);
  host.set_message(message);
  return host;
}

TEST(Tally, TroubleIsToldWithTheFirstHostsAndWhy) {
  Tally tally;
  Add(HostOf("web1"), HostPhase::kSucceeded, tally);
  Add(HostOf("web3", "sync: no such branch"), HostPhase::kFailed, tally);
  Add(HostOf("web4", "it does not answer"), HostPhase::kUnreachable, tally);
  EXPECT_EQ(TroubleText(tally),
            "1 of 3 hosts failed: web3: sync: no such branch; 1 of 3 hosts could not be reached: "
            "web4");
  EXPECT_EQ(TroubleText(Tally()), "");
}

TEST(Tally, ManyFailuresAreNotAllNamed) {
  Tally tally;
  for (int i = 0; i < 9; ++i) Add(HostOf(absl::StrCat("w", i)), HostPhase::kFailed, tally);
  EXPECT_EQ(TroubleText(tally), "9 of 9 hosts failed: w0, w1, w2 and 6 more");
}

TEST(Tally, CountsAreSetAndTellWhetherTheyChanged) {
  Tally tally;
  Add(HostOf("a"), HostPhase::kSucceeded, tally);
  Add(HostOf("b"), HostPhase::kFailed, tally);
  Add(HostOf("c"), HostPhase::kRollbackFailed, tally);
  Add(HostOf("d"), HostPhase::kSkipped, tally);
  Add(HostOf("e"), HostPhase::kUnreachable, tally);
  Add(HostOf("f"), HostPhase::kRolledBack, tally);
  v1::Deployment deployment;
  EXPECT_TRUE(SetCounts(tally, deployment));
  EXPECT_FALSE(SetCounts(tally, deployment));
  EXPECT_EQ(deployment.host_count(), 6);
  EXPECT_EQ(deployment.succeeded_count(), 1);
  EXPECT_EQ(deployment.failed_count(), 2);
  EXPECT_EQ(deployment.skipped_count(), 1);
  EXPECT_EQ(deployment.unreachable_count(), 1);
}

PhaseCounts Running(int hosts) {
  PhaseCounts counts{};
  counts[static_cast<int>(HostPhase::kRunning)] = hosts;
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
