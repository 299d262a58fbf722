#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_COMMANDS_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_COMMANDS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// One command to one service on many hosts.
struct FleetCommand {
  v1::Selection selection;
  std::string service;
  bool changes = true;  // then the whole fleet needs `all`
  // Whether the caller may do it on a host; asked for each before the first is called. Empty: yes.
  std::function<absl::Status(const FleetHost& host)> allowed = {};
  // Calls one agent, and fills in its answer. From several threads at a time.
  std::function<absl::Status(const AgentAddress& address, v1::HostOutcome* outcome)> ask;
  std::function<bool()> cancelled;
  // Called with the outcome of each host as it comes in: one call at a time, from several threads.
  std::function<void(v1::HostOutcome outcome)> outcome;
};

// Returns when all agents have answered. Calls hosts that are online first. Does not call hosts
// without the service; calls hosts of which nothing is known, and leaves them out if they do not
// have it. NOT_FOUND: no selected host has it. INVALID_ARGUMENT: a bad selection or service.
// Errors of `allowed`: no host was called. CANCELLED: hosts that had not been called by then are
// not called.
absl::Status RunFleetCommand(const Fleet& fleet, const FleetCommand& command);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_COMMANDS_H_
