#ifndef GITOPS_SERVICES_PLANNER_FLEET_FLEET_STATE_H_
#define GITOPS_SERVICES_PLANNER_FLEET_FLEET_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/fleet/host_entry.h"
#include "services/planner/fleet/reported.h"

namespace gitops {

// What came of a change of the fleet, to be told when no lock is held any more.
struct FleetChanges {
  std::vector<std::string> changed;   // names of hosts, for subscribers
  std::vector<std::string> to_store;  // keys of hosts
  struct Warning {
    std::string message, host, peer, other_peer;
  };
  std::vector<Warning> warnings;
};

// The hosts of the fleet and the streams of their agents: which stream speaks for which host, and
// what is known of each. Neither locks nor waits; time is passed in. A host's key is its name in
// lower case.
class FleetState {
 public:
  explicit FleetState(absl::Duration stale_after) : stale_after_(stale_after) {}

  // What was stored, before anything else is done.
  void Load(const std::string& key, const record::v1::SeenHost& seen);
  std::optional<std::string> Stored(const std::string& key) const;

  void Configure(std::shared_ptr<const FleetConfig> config, absl::Time now, FleetChanges& out);
  const std::shared_ptr<const FleetConfig>& config() const { return config_; }

  // A stream with its hello, which passed CheckNames(); its number grows with every stream. Errors
  // as Fleet::Connected.
  absl::StatusOr<uint64_t> Connect(const v1::Hello& hello, const std::string& peer,
                                   const Principal& caller, const ServicesByHost& services,
                                   absl::Time now, FleetChanges& out);
  void Change(uint64_t stream, const ServicesByHost& services,
              const std::vector<std::string>& removed, absl::Time now, FleetChanges& out);
  void Heartbeat(uint64_t stream, absl::Time now, FleetChanges& out);
  void End(uint64_t stream, absl::Time now, FleetChanges& out);
  bool Outdated(uint64_t stream) const;

  // Marks hosts whose agents went silent, and forgets those that are not in the configuration and
  // were not seen for a month. When there is something to look at again.
  absl::Time LookForSilent(absl::Time now, FleetChanges& out);

  std::vector<std::shared_ptr<const FleetHost>> Hosts();
  absl::StatusOr<FleetHost> Find(const std::string& host) const;
  std::vector<v1::Service> Services(const std::string& host) const;

 private:
  struct Stream {
    uint64_t id = 0;
    std::vector<std::string> names;  // as the agent spells them, each once
    std::string peer;
    Principal caller;
    std::shared_ptr<const AgentFacts> facts;
    std::vector<HostEntry*> hosts;   // it speaks for these
    std::vector<std::string> taken;  // keys of hosts for which another stream speaks
  };

  HostEntry* FindEntry(const std::string& key) const;
  HostEntry& AddStranger(const std::string& key, const std::string& name);
  void Erase(const std::string& key, FleetChanges& out);
  // Room for `more` hosts that are not in the configuration. False: all that there are report.
  bool MakeRoom(size_t more, FleetChanges& out);
  int PlacedOn(const std::string& key) const;
  static void Changed(const HostEntry& entry, FleetChanges& out);
  static void Store(const HostEntry& entry, FleetChanges& out);

  // The hosts for which a stream should speak: those of its names that the configuration has, or
  // that its services name (those it reported, and `services`); else its first.
  std::vector<std::string> Wanted(const Stream& stream, const ServicesByHost& services) const;
  // Makes it speak for these, and no others.
  void Settle(Stream& stream, const ServicesByHost& services, absl::Time now, FleetChanges& out);
  void Take(Stream& stream, const std::string& name, absl::Time now, FleetChanges& out);
  void Drop(Stream& stream, HostEntry& entry, FleetChanges& out);
  static bool SameRun(const Stream& a, const Stream& b);
  // Whether the host has no live stream, or one that this may replace.
  bool MayTake(const Stream& newer, const HostEntry& entry) const;
  void WarnOfTakeover(const Stream& newer, const Stream& older, const HostEntry& entry,
                      FleetChanges& out) const;
  void Heard(Stream& stream, absl::Time now, FleetChanges& out);

  void PlaceServices();
  void ConfigureHost(const HostSpec& spec, FleetChanges& out);
  void LeaveConfiguration(const std::vector<HostEntry*>& before, FleetChanges& out);

  const absl::Duration stale_after_;
  std::shared_ptr<const FleetConfig> config_ = std::make_shared<FleetConfig>();
  std::unordered_map<std::string, std::unique_ptr<HostEntry>> entries_;
  std::vector<HostEntry*> configured_;           // in the order of the file
  std::map<std::string, HostEntry*> strangers_;  // those that only reported
  // What the configuration places on a host; into config_.
  std::unordered_map<std::string, std::vector<const ServiceSpec*>> placed_;
  std::unordered_map<uint64_t, Stream> streams_;
  uint64_t last_stream_ = 0;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_FLEET_STATE_H_
