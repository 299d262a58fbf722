#ifndef GITOPS_AGENT_RPC_AGENT_SERVICE_H_
#define GITOPS_AGENT_RPC_AGENT_SERVICE_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/controller/host_agent.h"
#include "common/clock/clock.h"
#include "common/rpc/gate.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {

// The threads of the agent's server, and their shares by kind of call; the rest is for gRPC itself
// and for refusals.
inline constexpr int kMaxRpcThreads = 256;
inline constexpr CallShares kRpcShares = {
    .read = 20, .wait = 24, .operate = 32, .roll_back = 4, .brake = 4};

struct AgentServiceOptions {
  // Not owned; must outlive the service.
  HostAgent* agent = nullptr;
  Clock* clock = nullptr;
  const RpcGate* gate = nullptr;
  std::string actual_host;  // this machine's host name
  // From the current configuration: the names that select the services of this host, and why the
  // file is not wholly in force.
  std::function<std::vector<std::string>()> machines;
  std::function<std::string()> config_fault;
  // What people need to find a fault, without secrets.
  std::function<v1::DebugInfo()> debug_info = {};
  // Where secrets are on this host: of these files no content is told.
  std::function<std::set<std::string>()> secret_files = {};
  // Whether the caller's grants allow a command of an operator's on this host. Empty: they do.
  std::function<absl::Status(const Principal& caller, const std::string& command)> granted = {};
};

// gitops.v1.AgentService on a HostAgent. Handlers read the request, call the agent, convert.
std::unique_ptr<v1::AgentService::Service> NewAgentService(AgentServiceOptions options);

}  // namespace gitops

#endif  // GITOPS_AGENT_RPC_AGENT_SERVICE_H_
