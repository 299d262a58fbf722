#include "common/config/ports.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::string Row(const std::string& program, int port, const std::string& metrics) {
  return absl::StrCat("| `", program, "` | `", Loopback(port), "` | ", metrics, " |");
}

std::string Row(const std::string& program, int port, int metrics) {
  return Row(program, port, absl::StrCat("`", Loopback(metrics), "`"));
}

TEST(PortsTest, TheReferenceHasTheSameTable) {
  std::stringstream reference;
  reference << std::ifstream("docs/reference/settings.md").rdbuf();
  for (const std::string& row : {
           Row("gitops-planner", kPlannerPort, kPlannerMetricsPort),
           Row("gitops-agent", kAgentPort, kAgentMetricsPort),
           Row("gitops-hook-dispatcher", kHookDispatcherPort, kHookDispatcherMetricsPort),
           Row("gitops-promotion-receiver", kPromotionReceiverPort, kPromotionReceiverMetricsPort),
           Row("gitops-gateway", kGatewayPort, "the same port"),
       }) {
    EXPECT_TRUE(absl::StrContains(reference.str(), row)) << row;
  }
}

}  // namespace
}  // namespace gitops
