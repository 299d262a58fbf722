#include <gtest/gtest.h>

#include <chrono>

#include "services/planner/plan/plan_test_base.h"

namespace gitops {
namespace {

class PlanSpeedTest : public PlanTestBase {
 protected:
  PlanSpeedTest() : PlanTestBase(/*dispatcher=*/false) {}
};

// bench/ measures it; this test only distinguishes a slow machine from quadratic work.
TEST_F(PlanSpeedTest, AHundredThousandHostsAreSelectedAndPlanned) {
  constexpr int kHosts = 100'000;
  for (int i = 0; i < kHosts; ++i) {
    fleet_.Add(absl::StrCat("web", i, ".rack-", i % 100, ".example"),
               {absl::StrCat("rack-", i % 100), i % 2 == 0 ? "prod" : "test"});
  }
  v1::DeploymentSpec spec = Spec({"reboot"});
  spec.mutable_selection()->add_on("web*.example");
  spec.mutable_selection()->add_tagged("prod");
  spec.mutable_selection()->add_order_by_tags("rack-98");
  spec.mutable_rollout()->set_batch("1%");
  const auto began = std::chrono::steady_clock::now();
  const auto plan = Make(spec);
  const auto took = std::chrono::steady_clock::now() - began;
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->hosts_size(), kHosts / 2);
  EXPECT_EQ(plan->hosts(0).host(), "web98.rack-98.example");
  EXPECT_EQ(plan->wave_count(), 100);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  RecordProperty("milliseconds", static_cast<int>(milliseconds));
  EXPECT_LT(milliseconds, 5'000);

  const auto compared = std::chrono::steady_clock::now();
  EXPECT_TRUE(ComparePlans(*plan, *plan).empty());
  EXPECT_LT(std::chrono::steady_clock::now() - compared, std::chrono::seconds(5));
}

}  // namespace
}  // namespace gitops
