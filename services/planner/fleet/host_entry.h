#ifndef GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_
#define GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/config/fleet.h"
#include "gitops/record/v1/fleet.pb.h"
#include "gitops/v1/deployment.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/fleet/reported.h"

namespace gitops {

// What an agent sent in its hello; shared by its stream and its hosts.
struct AgentFacts {
  std::string address;  // to dial; empty: cannot be dialled
  std::string version;
  std::string boot_id;
  absl::Time start_time = absl::InfinitePast();
};

// One host of the fleet. Guarded by the fleet's lock.
struct HostEntry {
  std::string name;                         // as it is shown
  const HostSpec* spec = nullptr;           // null: it is not in the configuration
  bool fixed_address = false;               // the spec's address is used, whatever is reported
  std::shared_ptr<const AgentFacts> facts;  // null: never reported
  uint64_t stream = 0;                      // that reports for it; 0: none
  v1::HostState state = v1::HOST_STATE_NEVER_SEEN;
  absl::Time state_time = absl::InfinitePast();
  absl::Time last_seen = absl::InfinitePast();
  ReportedServices services;
  // Made from the above on demand; null: not since the last change.
  std::shared_ptr<const FleetHost> snapshot;
  // What FleetState::Account() has counted for it.
  size_t charge = 0;
  bool charged_unknown = false;
  absl::Time silent_since = absl::InfinitePast();

  void SetState(v1::HostState to, absl::Time now);
  // About how much memory a host with this report takes.
  static size_t Bytes(const AgentFacts& facts, size_t service_bytes);
};

// Whether a host of the configuration is dialled only at its spec's address. If the spec names no
// address, the agent's own report is better than a guess from the name. That does not hold for a
// host with secrets: nobody may redirect them by reporting as that host.
bool HasFixedAddress(const HostSpec& spec);

// The host as the API shows it. `placed`: how many services the configuration places on it.
FleetHost MakeFleetHost(const HostEntry& entry, int placed);

// Converts to the stored message, and back. Services beyond `most_bytes` are left out.
record::v1::SeenHost ToSeen(const HostEntry& entry);
void FromSeen(const record::v1::SeenHost& seen, size_t most_bytes, HostEntry& entry);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_
