#ifndef GITOPS_COMMON_CONFIG_PORTS_H_
#define GITOPS_COMMON_CONFIG_PORTS_H_

#include <string>

namespace gitops {

// The default addresses: ports of the programs, and of addresses without a port; unix sockets.
// docs/reference/settings.md has the same table; ports_test.cc compares the two.

inline constexpr int kPlannerPort = 8001, kPlannerMetricsPort = 9221;
inline constexpr int kHookDispatcherPort = 8002, kHookDispatcherMetricsPort = 9223;
inline constexpr int kPromotionReceiverPort = 8003, kPromotionReceiverMetricsPort = 9224;
inline constexpr int kAgentPort = 8004, kAgentMetricsPort = 9222;
inline constexpr int kGatewayPort = 8000;  // also for metrics

// The unix sockets on the program's own host.
inline constexpr char kPlannerSocket[] = "/run/gitops/planner.sock";
inline constexpr char kHookDispatcherSocket[] = "/run/gitops/hook-dispatcher.sock";
inline constexpr char kPromotionReceiverSocket[] = "/run/gitops/promotion-receiver.sock";
inline constexpr char kAgentSocket[] = "/run/gitops/agent.sock";

// The unix socket of the program with this default port; "": there is none.
inline std::string SocketOfPort(int port) {
  return port == kPlannerPort             ? kPlannerSocket
         : port == kHookDispatcherPort    ? kHookDispatcherSocket
         : port == kPromotionReceiverPort ? kPromotionReceiverSocket
         : port == kAgentPort             ? kAgentSocket
                                          : "";
}

// "127.0.0.1:8004".
inline std::string Loopback(int port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace gitops

#endif  // GITOPS_COMMON_CONFIG_PORTS_H_
