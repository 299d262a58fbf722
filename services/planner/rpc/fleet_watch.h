#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/rpc/fleet_lists.h"

namespace gitops {

// Who holds which host, asked of the store once a second for all watchers together. Any thread.
class LockView {
 public:
  // Neither is owned.
  LockView(HostLocks* locks, Clock* clock) : locks_(locks), clock_(clock) {}

  // Never null. Where the store cannot be asked: as it was.
  std::shared_ptr<const LocksByHost> Get();

 private:
  HostLocks* const locks_;
  Clock* const clock_;
  Mutex mutex_;
  absl::Time asked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::shared_ptr<const LocksByHost> view_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const LocksByHost>();
};

// What one client of WatchFleet has been told, so that it is told what differs. One thread.
class FleetWatch {
 public:
  // False: the client is gone.
  using Write = std::function<bool(const v1::WatchFleetResponse&)>;

  // Not owned: fleet, locks; they and `request` must outlive it.
  FleetWatch(const Fleet* fleet, LockView* locks, const v1::WatchFleetRequest& request, Write write,
             Cancelled cancelled)
      : fleet_(fleet),
        locks_(locks),
        request_(request),
        write_(std::move(write)),
        cancelled_(std::move(cancelled)) {}

  // Everything as it is. CANCELLED: the client is gone; INVALID_ARGUMENT: a bad selection.
  absl::Status TellAll();
  // What differs on hosts that changed, came into the selection or left it, or whose lock did.
  absl::Status TellChanges(std::set<std::string> changed);

 private:
  // Fingerprints of what was told of a host.
  struct Told {
    size_t host = 0;
    std::map<std::string, size_t> services;
  };
  using HostsByName = std::map<std::string, std::shared_ptr<const FleetHost>>;

  absl::StatusOr<HostsByName> Selected(const std::set<std::string>& changed) const;
  void AddLockChanges(std::set<std::string>& changed);
  bool TellHost(const FleetHost& host);
  bool TellServices(const std::string& host, Told& told);
  bool TellGone(const std::string& host);
  // The last message of the beginning is marked, so one is always held back until it is over.
  bool Send(v1::WatchFleetResponse response);

  const Fleet* const fleet_;
  LockView* const locks_;
  const v1::WatchFleetRequest& request_;
  const Write write_;
  const Cancelled cancelled_;
  std::shared_ptr<const LocksByHost> held_;
  std::map<std::string, Told> told_;
  bool initial_ = true;
  std::optional<v1::WatchFleetResponse> held_back_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_
