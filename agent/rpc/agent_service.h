#ifndef GITOPS_AGENT_RPC_AGENT_SERVICE_H_
#define GITOPS_AGENT_RPC_AGENT_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/controller/host_agent.h"
#include "common/clock/clock.h"
#include "common/rpc/gate.h"
#include "gitops/v1/agent.grpc.pb.h"

namespace gitops {

// gitops.v1.AgentService on a HostAgent. Handlers read the request, call the agent, convert.
// `actual_host` is this machine's host name; `machines` returns the names that select its services
// (called for each RPC, since the configuration may change). Pointers are not owned.
std::unique_ptr<v1::AgentService::Service> NewAgentService(
    HostAgent* agent, Clock* clock, std::string actual_host,
    std::function<std::vector<std::string>()> machines, const RpcGate* gate);

}  // namespace gitops

#endif  // GITOPS_AGENT_RPC_AGENT_SERVICE_H_
