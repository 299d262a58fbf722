#ifndef GITOPS_SERVICES_PLANNER_FLEET_FLEET_STATE_H_
#define GITOPS_SERVICES_PLANNER_FLEET_FLEET_STATE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/config/fleet.h"
#include "common/config/host_digests.h"
#include "common/config/service_placement.h"
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
  std::optional<v1::ConfigStatus> config;  // none: an older agent
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
  std::string config_difference;  // v1::Host.config_difference
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
// `failed`: the mark of its health checks; may be null.
FleetHost MakeFleetHost(const HostEntry& entry, int placed, const v1::FailedHealth* failed);

// Converts to the stored message, and back. Services beyond `most_bytes` are left out.
record::v1::SeenHost ToSeen(const HostEntry& entry);
void FromSeen(const record::v1::SeenHost& seen, size_t most_bytes, HostEntry& entry);

// The consequences of a change of the fleet, to be carried out without locks.
struct FleetChanges {
  std::vector<std::string> changed;   // names of hosts, for subscribers
  std::vector<std::string> to_store;  // keys of hosts
  struct Warning {
    const char* message;
    std::string host, peer, other_peer, error;
  };
  std::vector<Warning> warnings;
};

// The warning that a report was refused.
FleetChanges::Warning Refusal(const std::string& peer, const absl::Status& why);

// The hosts of the fleet and the streams of their agents: which stream reports for which host, and
// what is known of each. Does not lock or wait; time is passed in. A host's key is its name in
// lower case.
class FleetState {
 public:
  FleetState(absl::Duration stale_after, const ReportLimits& limits)
      : stale_after_(stale_after), limits_(limits) {}

  // Adds a stored host; call it before all other methods. The budgets apply from Configure() on,
  // when it is known which hosts are in the configuration.
  void Load(const std::string& key, const record::v1::SeenHost& seen);
  HostEntry* FindEntry(const std::string& key) const;  // null: no such host
  // The mark of failed health checks, for hosts that come later too. None: takes it away.
  void MarkHealth(const std::string& key, std::optional<v1::FailedHealth> failed);
  const v1::FailedHealth* FailedHealthOf(const std::string& key) const;  // null: no mark
  // The consequences of all calls since the last TakeChanges().
  FleetChanges TakeChanges() { return std::exchange(changes_, {}); }

  void Configure(std::shared_ptr<const FleetConfig> config, absl::Time now);
  const std::shared_ptr<const FleetConfig>& config() const { return config_; }

  // Adds a stream. Its hello passed CheckNames(). Returns its number, which grows with every
  // stream. Errors as Fleet::Connected.
  absl::StatusOr<uint64_t> Connect(const v1::Hello& hello, const std::string& peer,
                                   const Principal& caller, const ServicesByHost& services,
                                   absl::Time now);
  // Errors as AgentReport::Changed.
  absl::Status Change(uint64_t stream, const ServicesByHost& services,
                      const std::set<std::string>& removed, absl::Time now);
  // Errors as AgentReport::TipVerified.
  absl::Status TakeTip(uint64_t stream, const VerifiedTip& tip, absl::Time now);
  // The agent reports another configuration.
  void TakeConfig(uint64_t stream, const v1::ConfigStatus& config, absl::Time now);
  void Heartbeat(uint64_t stream, absl::Time now);
  void End(uint64_t stream, absl::Time now);
  bool Outdated(uint64_t stream) const;

  // Marks hosts whose agents are silent as stale, and forgets hosts that are not in the
  // configuration and were not seen for a month. Returns when to call it again.
  absl::Time LookForSilent(absl::Time now);

  FleetView Hosts();
  absl::StatusOr<FleetHost> Find(const std::string& host) const;
  // What the configuration places on a host.
  std::vector<v1::Service> Placed(const HostEntry& entry) const;
  // As Fleet::HasService.
  bool HasService(const std::string& host, const std::string& service) const;
  // As Fleet::AwaitsCoordinated.
  bool AwaitsCoordinated(const std::string& host, const std::string& service) const;
  ReportMemory memory() const;

 private:
  struct Stream {
    uint64_t id = 0;
    // The host's name. Empty: the agent did not tell, and it is one or several of `names`.
    std::string name;
    std::vector<std::string> names;  // as the agent spells them, each once
    std::string own;  // the key of the last name that the agent sent: the machine's own
    std::string peer;
    Principal caller;
    std::shared_ptr<const AgentFacts> facts;
    std::vector<HostEntry*> hosts;   // for which it reports
    std::vector<std::string> taken;  // keys of its hosts for which another stream reports
    ReportedServices homeless;       // of its last host, until it has another

    bool HasAlias(const std::string& key) const { return name.empty() && key != own; }
  };

  // The streams without a name that have an alias.
  struct AliasUse {
    std::map<std::string, std::set<uint64_t>> streams;  // by the machine's own name
    bool shared = false;                                // several machines had it at a time
  };

  // How much more memory a report takes: in bytes, for hosts in the configuration and for others,
  // and the number of additional others.
  struct Growth {
    int64_t known = 0, unknown = 0;
    size_t hosts = 0;
    void Add(const HostEntry* entry, size_t bytes);  // null: a host that is new
  };
  // The services of hosts after a change.
  using Next = std::vector<std::pair<HostEntry*, ReportedServices>>;

  HostEntry& AddStranger(const std::string& key, const std::string& name);
  void Erase(const std::string& key);

  // fleet_budget.cc
  // Updates the budgets. Call it after each change of an entry's report, stream or spec, and before
  // the entry is removed.
  void Account(HostEntry& entry, bool gone = false);
  absl::Status CheckAgent(const std::string& host, size_t bytes) const;
  bool ExceedsUnknown(const Growth& more) const;
  bool ExceedsTotal(const Growth& more) const;
  // Forgets silent hosts that are not in the configuration, the longest silent first, until there
  // is room for `growth`. RESOURCE_EXHAUSTED: there is no room for this host.
  absl::Status MakeRoom(const std::string& host, const std::function<Growth()>& growth);
  // Does the same for what is kept already.
  void Trim();

  int PlacedOn(const std::string& key) const;
  // Sets its config_difference anew.
  void CompareConfig(HostEntry& entry);
  // The entry changed, so views that were made of it are outdated.
  void Outdate(HostEntry& entry);
  // Does the same, and tells subscribers.
  void Changed(HostEntry& entry);
  void Store(const HostEntry& entry);

  // The hosts for which a stream should report: the one that it names. Else those of its names that
  // are in the configuration, or that its services name (those it reported, and `services`); else
  // its first. Aliases that are not its alone do not count; the machine's own name always does.
  std::vector<std::string> Wanted(const Stream& stream, const ServicesByHost& services) const;
  bool IsItsOwn(const Stream& stream, const std::string& name) const;
  // `services`, as those of the only host of a stream.
  ServicesByHost AtHome(const Stream& stream, ServicesByHost services) const;
  void AddAliases(const Stream& stream);
  void RemoveAliases(const Stream& stream);
  // Streams that lost an alias since the last call report as another host.
  void SettleOthers(absl::Time now);
  // Makes it report for these, and no others.
  void Settle(Stream& stream, const ServicesByHost& services, absl::Time now);
  void Take(Stream& stream, const std::string& name, absl::Time now);
  void Drop(Stream& stream, HostEntry& entry);
  static bool SameRun(const Stream& a, const Stream& b);
  // Whether the host has no live stream, or one that this may replace.
  bool MayTake(const Stream& newer, const HostEntry& entry) const;
  void WarnOfTakeover(const Stream& newer, const Stream& older, const HostEntry& entry);
  void Heard(Stream& stream, absl::Time now);
  // The services of a stream's hosts after a change.
  Next After(const Stream& stream, const ServicesByHost& services,
             const std::set<std::string>& removed);
  void Keep(Next next);
  // Does the same for what the stream reported, if there is room for it.
  absl::Status KeepReported(Stream& stream, Next next, absl::Time now);

  void PlaceServices();
  void ConfigureHost(const HostSpec& spec);
  void LeaveConfiguration(const std::vector<HostEntry*>& before);

  const absl::Duration stale_after_;
  const ReportLimits limits_;
  std::shared_ptr<const FleetConfig> config_ = std::make_shared<FleetConfig>();
  std::unordered_map<std::string, std::unique_ptr<HostEntry>> entries_;
  std::vector<HostEntry*> configured_;           // in the order of the file
  std::map<std::string, HostEntry*> strangers_;  // those that only reported
  // Those of them without a stream, by when they were seen last.
  std::set<std::pair<absl::Time, HostEntry*>> silent_;
  int64_t known_bytes_ = 0, unknown_bytes_ = 0;
  std::optional<FleetView> shown_;      // by Hosts(); none: something changed since
  std::optional<HostDigests> digests_;  // of config_
  // What the configuration places on its hosts, by service; into config_.
  std::unordered_map<std::string, std::vector<Placement>> placed_;
  // By key; also of hosts that are not known yet.
  std::unordered_map<std::string, v1::FailedHealth> failed_health_;
  std::unordered_map<uint64_t, Stream> streams_;
  std::unordered_map<std::string, AliasUse> aliases_;
  std::set<uint64_t> lost_alias_;
  uint64_t last_stream_ = 0;
  FleetChanges changes_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_FLEET_STATE_H_
