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
#include "services/planner/fleet/reported_services.h"

namespace gitops {

// What an agent said in its hello; shared by its stream and the hosts it speaks for.
struct AgentFacts {
  std::string address;  // as it is dialled; empty: cannot be
  std::string version;
  std::string boot_id;
  absl::Time start_time = absl::InfinitePast();
};

// One host of the fleet. Guarded by the fleet's lock.
struct HostEntry {
  std::string name;                         // as it is shown
  const HostSpec* spec = nullptr;           // of the configuration; null: it has none
  bool fixed_address = false;               // the spec's address stands, whatever is reported
  std::shared_ptr<const AgentFacts> facts;  // null: never reported
  uint64_t stream = 0;                      // that reports for it; 0: none
  v1::HostState state = v1::HOST_STATE_NEVER_SEEN;
  absl::Time state_time = absl::InfinitePast();
  absl::Time last_seen = absl::InfinitePast();
  ReportedServices services;
  // Made from the above when it is asked for; null: not since the last change.
  std::shared_ptr<const FleetHost> snapshot;
  // How FleetState::Account() has it in its books.
  size_t charge = 0;
  bool charged_unknown = false;
  absl::Time silent_since = absl::InfinitePast();

  void SetState(v1::HostState to, absl::Time now);
  // What a host with these reported takes of the planner's memory, about.
  static size_t Bytes(const AgentFacts& facts, size_t service_bytes);
};

// Whether a host of the configuration is dialled at its spec's address only. Where the spec names
// no address, the agent knows better than a guess from the name, unless the host has secrets:
// nobody may draw them to another place by reporting as that host.
bool HasFixedAddress(const HostSpec& spec);

// What is shown of it. `placed`: how many services the configuration places on it.
FleetHost MakeFleetHost(const HostEntry& entry, int placed);

// What is stored of it, and back. Services beyond `most_bytes` are left out.
record::v1::SeenHost ToSeen(const HostEntry& entry);
void FromSeen(const record::v1::SeenHost& seen, size_t most_bytes, HostEntry& entry);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_
