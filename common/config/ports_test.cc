#include "common/config/ports.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::string Row(const std::string& program, int port, const std::string& socket, int metrics) {
  return absl::StrCat("| `", program, "` | `", Loopback(port), "`, `unix:", socket, "` | `",
                      Loopback(metrics), "` |");
}

TEST(PortsTest, TheReferenceHasTheSameTable) {
  std::stringstream reference;
  reference << std::ifstream("docs/reference/settings.md").rdbuf();
  for (const std::string& row : {
           Row("gitops-planner", kPlannerPort, kPlannerSocket, kPlannerMetricsPort),
           Row("gitops-agent", kAgentPort, kAgentSocket, kAgentMetricsPort),
           Row("gitops-hook-dispatcher", kHookDispatcherPort, kHookDispatcherSocket,
               kHookDispatcherMetricsPort),
           Row("gitops-promotion-receiver", kPromotionReceiverPort, kPromotionReceiverSocket,
               kPromotionReceiverMetricsPort),
           absl::StrCat("| `gitops-gateway` | `", Loopback(kGatewayPort), "` | the same port |"),
       }) {
    EXPECT_TRUE(absl::StrContains(reference.str(), row)) << row;
  }
}

}  // namespace
}  // namespace gitops
