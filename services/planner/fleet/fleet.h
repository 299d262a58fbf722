#ifndef GITOPS_SERVICES_PLANNER_FLEET_FLEET_H_
#define GITOPS_SERVICES_PLANNER_FLEET_FLEET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/rpc/principal.h"
#include "common/store/store.h"
#include "gitops/v1/deployment.pb.h"
#include "gitops/v1/report.pb.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// The hosts of the configuration merged with those that agents report. In memory, within the
// budgets of ReportLimits; what was last reported is also stored (planner/v1/seen/HOST), so that
// after a restart hosts that are off are still known. Any thread.

// One host as it is now.
struct FleetHost {
  v1::Host host;  // without the lock
  HostSpec spec;  // of the configuration; without one, only name and address are set
};

// Limits of the reports that the planner accepts and keeps. Bytes count services as they are kept,
// typically about 350 each, and 1 KiB for each host. Stored reports have the same limits.
struct ReportLimits {
  // Streams at a time: twice the fleet of 10,000 hosts that this planner is made for.
  int agents = 20'000;
  // Of one agent, in one message and in all kept reports: 500 services of 4 KiB.
  size_t agent_bytes = 2 << 20;
  // Hosts that are not in the configuration, since anyone can make up names. Enough for the largest
  // number of agents, with 8 services each.
  size_t unknown_hosts = 20'000;
  size_t unknown_bytes = 64 << 20;
  // Of all hosts: 10,000 with 150 services each. The planner's unit allows it 2 GiB in all.
  size_t total_bytes = 512 << 20;
};

// The hosts of a fleet at one moment. Cheap to copy.
class FleetView {
 public:
  using List = std::vector<std::shared_ptr<const FleetHost>>;

  FleetView() : FleetView(std::make_shared<const List>()) {}
  explicit FleetView(std::shared_ptr<const List> list) : list_(std::move(list)) {}

  List::const_iterator begin() const { return list_->begin(); }
  List::const_iterator end() const { return list_->end(); }
  size_t size() const { return list_->size(); }
  const List::value_type& operator[](size_t index) const { return (*list_)[index]; }

 private:
  std::shared_ptr<const List> list_;
};

struct FleetOptions {
  Clock* clock = nullptr;  // not owned
  Store* store = nullptr;  // not owned; null: nothing is stored
  // An agent that is silent for this long is stale.
  absl::Duration stale_after = absl::Seconds(90);
  ReportLimits limits;
};

// The memory that reports take now, counted as in ReportLimits.
struct ReportMemory {
  int64_t known_bytes = 0;    // of hosts of the configuration
  int64_t unknown_bytes = 0;  // of others
};

// The report of a connected agent. Destroy it when the agent's stream ends, and before the fleet;
// its hosts are stale from then on. One thread at a time.
class AgentReport {
 public:
  virtual ~AgentReport() = default;
  // RESOURCE_EXHAUSTED (REPORT_TOO_LARGE, TOO_MANY_AGENTS): there is no room for it. End the stream
  // then, since what the planner knows of this agent is out of date.
  virtual absl::Status Changed(const v1::ServicesChanged& changed) = 0;
  // Errors as Changed.
  virtual absl::Status TipVerified(const v1::TipVerified& tip) = 0;
  virtual void Heartbeat() = 0;
  // A newer stream took one of its hosts and has ended since, so reports in between are lost: the
  // agent must connect again.
  virtual bool outdated() const = 0;
};

class Fleet {
 public:
  virtual ~Fleet() = default;

  // Replaces the configuration: its hosts, and the services that it places on them.
  virtual void Configure(std::shared_ptr<const FleetConfig> config) = 0;
  virtual std::shared_ptr<const FleetConfig> config() const = 0;

  // An agent connected from `peer` (gRPC's name of it). It reports for those of its names that the
  // configuration or its services name, or else for its first name. A newer stream for the same
  // host replaces an older one that is silent, or that MayTakeOver() lets it replace.
  // INVALID_ARGUMENT: no name, too many, or an invalid host name. ALREADY_EXISTS: another caller
  // reports for one of its hosts. PERMISSION_DENIED: the caller may not report for these names.
  // RESOURCE_EXHAUSTED: as AgentReport::Changed. A refusal does not affect other agents, but silent
  // hosts that are not in the configuration are forgotten to make room.
  virtual absl::StatusOr<std::unique_ptr<AgentReport>> Connected(const v1::Hello& hello,
                                                                 const std::string& peer,
                                                                 const Principal& caller) = 0;

  // In the order of the file, then those that only reported, by name. Never null. Cheap enough for
  // 100,000: hosts that did not change since the last call are not copied, and if none did, it
  // returns the same view.
  virtual FleetView Hosts() const = 0;
  virtual absl::StatusOr<FleetHost> Find(const std::string& host) const = 0;  // NOT_FOUND
  // The services that the host last reported, by name; `sync` is UNKNOWN if the host is STALE. If
  // it never did: those that the configuration places there, with host, service, upstream, branch
  // and tracking only.
  virtual std::vector<v1::Service> Services(const std::string& host) const = 0;
  // Whether the host has it by its last report, or by the configuration.
  virtual bool HasService(const std::string& host, const std::string& service) const = 0;
  // Whether the configuration places a coordinated service there (`service`; empty: any) that is
  // not in the host's last report.
  virtual bool AwaitsCoordinated(const std::string& host, const std::string& service) const = 0;
  virtual ReportMemory memory() const = 0;

  // Sets the mark that the host failed its health checks; none: takes it away. Returns whether that
  // changed anything. The mark is stored before it is shown, and kept until the host is forgotten.
  // Blocks while it is stored. NOT_FOUND: no such host. Others as Store::Write; nothing was
  // changed.
  virtual absl::StatusOr<bool> MarkHealth(const std::string& host,
                                          std::optional<v1::FailedHealth> failed) = 0;

  // Calls back with the name of each host that changed, came or went, from any thread, without
  // locks held; a heartbeat alone is no change. 0 is never an id.
  virtual int64_t Subscribe(std::function<void(const std::string& host)> changed) = 0;
  // No callback runs after it.
  virtual void Unsubscribe(int64_t id) = 0;
};

// Loads the hosts that were seen before from the store. If that fails, logs it and continues
// without them.
std::unique_ptr<Fleet> NewFleet(FleetOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_FLEET_H_
