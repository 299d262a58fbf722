#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_

#include <cstddef>
#include <cstdint>
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
#include "services/planner/rpc/fleet_journal.h"
#include "services/planner/rpc/fleet_lists.h"

namespace gitops {

// Who holds which host, asked of the store once a second for all watchers together; what changed is
// noted in the journal. Any thread.
class LockView {
 public:
  // None is owned.
  LockView(HostLocks* locks, FleetJournal* journal, Clock* clock)
      : locks_(locks), journal_(journal), clock_(clock) {}

  // Never null. Where the store cannot be asked: as it was.
  std::shared_ptr<const LocksByHost> Get();

 private:
  HostLocks* const locks_;
  FleetJournal* const journal_;
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
  using WriteFunction = std::function<bool(const v1::WatchFleetResponse&)>;

  // Not owned: fleet, journal, locks; they and `request` must outlive it.
  FleetWatch(const Fleet* fleet, const FleetJournal* journal, LockView* locks,
             const v1::WatchFleetRequest& request, WriteFunction write, Cancelled cancelled)
      : fleet_(fleet),
        journal_(journal),
        locks_(locks),
        request_(request),
        write_(std::move(write)),
        cancelled_(std::move(cancelled)) {}

  // Everything as it is, or what changed since the request's resume_token. `number`: of the
  // journal's changes, up to which what is read now is as new at least. CANCELLED: the client is
  // gone; INVALID_ARGUMENT: a bad selection or token.
  absl::Status TellAll(int64_t number);
  // What differs on hosts that changed up to `number`, came into the selection or left it.
  absl::Status TellChanges(std::set<std::string> changed, int64_t number);

 private:
  // Fingerprints of what was told of a host.
  struct Told {
    size_t host = 0;
    std::map<std::string, size_t> services;
  };
  using HostsByName = std::map<std::string, std::shared_ptr<const FleetHost>>;

  absl::StatusOr<HostsByName> Selected(const std::set<std::string>& changed) const;
  // Nothing: everything is to be told.
  absl::StatusOr<std::optional<std::set<std::string>>> ChangedSince() const;
  bool TellHost(const FleetHost& host);
  bool TellServices(const std::string& host, Told& told);
  bool TellGone(const std::string& host);
  bool SendGone(const std::string& host);
  // The last message of the beginning is marked, so one is always held back until it is over.
  bool Send(v1::WatchFleetResponse response);
  bool Write(v1::WatchFleetResponse response);

  const Fleet* const fleet_;
  const FleetJournal* const journal_;
  LockView* const locks_;
  const v1::WatchFleetRequest& request_;
  const WriteFunction write_;
  const Cancelled cancelled_;
  std::shared_ptr<const LocksByHost> held_;
  std::map<std::string, Told> told_;
  bool initial_ = true;
  bool quiet_ = false;       // the client knows what is told
  bool restarted_ = false;   // the next answer says so
  int64_t told_up_to_ = -1;  // -1: the beginning is not over
  std::optional<v1::WatchFleetResponse> held_back_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_
