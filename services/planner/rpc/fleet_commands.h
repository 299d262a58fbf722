#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_COMMANDS_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_COMMANDS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// One command to one service on many hosts, asked of their agents at once.
struct FleetCommand {
  v1::Selection selection;
  std::string service;
  bool changes = true;  // then the whole fleet needs `all`
  // Asks one agent, and fills in what it answered. From several threads at a time.
  std::function<absl::Status(const std::string& address, v1::HostOutcome* outcome)> ask;
  std::function<bool()> cancelled;
  // Told what each host made of it, as it comes in: one call at a time, from several threads.
  std::function<void(v1::HostOutcome outcome)> outcome;
};

// Returns when all have been asked and told. Hosts that are online are asked first. Hosts without
// the service are not asked; hosts of which nothing is known are, and are left out where they do
// not have it. NOT_FOUND: no selected host has it. INVALID_ARGUMENT: a bad selection or service.
// CANCELLED: hosts that had not been asked by then are not.
absl::Status RunFleetCommand(const Fleet& fleet, const FleetCommand& command);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_COMMANDS_H_
