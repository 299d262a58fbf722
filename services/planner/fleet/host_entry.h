#ifndef GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_
#define GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/fleet.h"
#include "gitops/record/v1/fleet.pb.h"
#include "gitops/v1/deployment.pb.h"
#include "gitops/v1/types.pb.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// The services that one host reported, by name. Kept as bytes: a message in memory takes several
// times their room, and there are thousands of hosts.
class ReportedServices {
 public:
  // False: nothing changed; it was there like this, or there is no room for it.
  bool Put(const v1::Service& service);
  bool Remove(absl::string_view service);
  void Clear();

  // With `host` as their host.
  std::vector<v1::Service> List(const std::string& host) const;
  int size() const { return static_cast<int>(services_.size()); }
  int degraded() const;
  // Some were left out for want of room: 10,000 services, or 8 MiB.
  bool overflowed() const { return overflowed_; }

 private:
  struct Reported {
    std::string name;
    std::string bytes;
    bool degraded = false;
  };
  std::vector<Reported>::iterator Position(absl::string_view service);

  std::vector<Reported> services_;  // by name
  size_t bytes_ = 0;
  bool overflowed_ = false;
};

// What an agent told with its hello; shared by its stream and the hosts it speaks for.
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
  uint64_t stream = 0;                      // which reports for it; 0: none
  v1::HostState state = v1::HOST_STATE_NEVER_SEEN;
  absl::Time state_time = absl::InfinitePast();
  absl::Time last_seen = absl::InfinitePast();
  ReportedServices services;
  // Of what is above, for who asks; null: to be made again.
  std::shared_ptr<const FleetHost> snapshot;

  void SetState(v1::HostState to, absl::Time now);
};

// Whether a host of the configuration is dialled at its spec's address only. The configuration
// decides; where it names no address, the agent knows better than a guess from the name. But nobody
// may draw a host's secrets to another place by reporting as that host.
bool HasFixedAddress(const HostSpec& spec);

// What is shown of it. `placed`: how many services the configuration places on it.
FleetHost MakeFleetHost(const HostEntry& entry, int placed);

// What is stored of it, and back.
record::v1::SeenHost ToSeen(const HostEntry& entry);
void FromSeen(const record::v1::SeenHost& seen, HostEntry& entry);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_HOST_ENTRY_H_
