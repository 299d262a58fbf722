#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/watch_stream.h"
#include "common/sync/mutex.h"
#include "gitops/v1/planner.pb.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/rpc/fleet_lists.h"

namespace gitops {

// Numbers the changes of hosts, so that a watch can resume where it broke off. Numbers are valid
// for the lifetime of the journal. Any thread.
class FleetJournal {
 public:
  // Not owned.
  explicit FleetJournal(Fleet* fleet);
  ~FleetJournal();
  FleetJournal(const FleetJournal&) = delete;
  FleetJournal& operator=(const FleetJournal&) = delete;

  // Adds each change from now on, in order, until Unsubscribe().
  void Subscribe(Changes<std::string>* changes);
  void Unsubscribe(Changes<std::string>* changes);
  // Adds a change that the fleet does not report: of a lock.
  void Note(const std::string& host);

  // The number of the last change.
  int64_t number() const;
  // For clients: everything up to `number`.
  std::string Token(int64_t number) const;
  // The hosts that changed or left after the token; none: that is no longer known.
  // INVALID_ARGUMENT: not a token of a journal.
  absl::StatusOr<std::optional<std::set<std::string>>> ChangedSince(const std::string& token) const;

 private:
  Fleet* const fleet_;
  const std::string epoch_;
  int64_t subscription_ = 0;
  mutable Mutex mutex_;
  int64_t number_ ABSL_GUARDED_BY(mutex_) = 0;
  // Changes up to this number are no longer known.
  int64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int64_t> last_changes_ ABSL_GUARDED_BY(mutex_);
  std::set<Changes<std::string>*> subscribers_ ABSL_GUARDED_BY(mutex_);
};

// The locks of all hosts. Reads the store once a second for all watchers together, and notes
// changes in the journal. Any thread.
class LockView {
 public:
  // None is owned.
  LockView(HostLocks* locks, FleetJournal* journal, Clock* clock)
      : locks_(locks), journal_(journal), clock_(clock) {}

  // Never null. If the store cannot be read: the last result.
  std::shared_ptr<const LocksByHost> Get();

 private:
  HostLocks* const locks_;
  FleetJournal* const journal_;
  Clock* const clock_;
  Mutex mutex_;
  SteadyTime asked_ ABSL_GUARDED_BY(mutex_) = SteadyTime::InfinitePast();
  std::shared_ptr<const LocksByHost> view_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const LocksByHost>();
};

// One client of WatchFleet: remembers what was sent, and sends what differs. For Follow(), with
// names of hosts and numbers of the journal. One thread.
class FleetWatch {
 public:
  // Not owned: fleet, journal, locks; they and `request` must outlive it.
  FleetWatch(const Fleet* fleet, FleetJournal* journal, LockView* locks,
             const v1::WatchFleetRequest& request, WatchStream<v1::WatchFleetResponse>::Write write,
             Cancelled cancelled)
      : fleet_(fleet),
        journal_(journal),
        locks_(locks),
        request_(request),
        stream_(std::move(write)),
        cancelled_(std::move(cancelled)) {}
  ~FleetWatch() { journal_->Unsubscribe(changes_); }

  absl::StatusOr<int64_t> Start(Changes<std::string>& changes);
  // Sends everything, or what changed since the request's resume_token. INVALID_ARGUMENT: a bad
  // selection or token.
  absl::Status TellAll(int64_t number);
  // Sends what differs on hosts that changed up to `number`, entered the selection or left it.
  absl::Status TellChanges(std::set<std::string> changed, int64_t number);
  bool done() const { return false; }

 private:
  // Fingerprints of what was sent of a host.
  struct Told {
    size_t host = 0;
    std::map<std::string, size_t> services;
  };
  using HostsByName = std::map<std::string, std::shared_ptr<const FleetHost>>;

  absl::StatusOr<HostsByName> Selected(const std::set<std::string>& changed) const;
  // None: send everything.
  absl::StatusOr<std::optional<std::set<std::string>>> ChangedSince() const;
  absl::Status TellHost(const FleetHost& host);
  absl::Status TellServices(const std::string& host, Told& told);
  absl::Status TellGone(const std::string& host);
  absl::Status SendGone(const std::string& host);
  absl::Status Send(v1::WatchFleetResponse response);

  const Fleet* const fleet_;
  FleetJournal* const journal_;
  LockView* const locks_;
  const v1::WatchFleetRequest& request_;
  WatchStream<v1::WatchFleetResponse> stream_;
  const Cancelled cancelled_;
  Changes<std::string>* changes_ = nullptr;
  std::shared_ptr<const LocksByHost> held_;
  std::map<std::string, Told> told_;
  bool quiet_ = false;  // the client has what would be sent
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_WATCH_H_
