#ifndef GITOPS_SERVICES_PLANNER_RPC_FLEET_JOURNAL_H_
#define GITOPS_SERVICES_PLANNER_RPC_FLEET_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "common/sync/mutex.h"
#include "services/planner/fleet/fleet.h"

namespace gitops {

// Numbers the changes of hosts, so that a watch can go on where it broke off. The numbers are good
// while this lives. Any thread.
class FleetJournal {
 public:
  // Not owned.
  explicit FleetJournal(Fleet* fleet);
  ~FleetJournal();
  FleetJournal(const FleetJournal&) = delete;
  FleetJournal& operator=(const FleetJournal&) = delete;

  // Calls back with each change from now on, in order, one at a time. Must be quick, and not use
  // this.
  using Changed = std::function<void(const std::string& host, int64_t number)>;
  int64_t Subscribe(Changed changed);
  // No call comes after it.
  void Unsubscribe(int64_t id);
  // A change that the fleet does not tell: of a lock.
  void Note(const std::string& host);

  // The last change.
  int64_t number() const;
  // For clients: everything up to `number`.
  std::string Token(int64_t number) const;
  // The hosts that changed after it, also those that are gone; nothing: that is not known any more.
  // INVALID_ARGUMENT: no token of a journal.
  absl::StatusOr<std::optional<std::set<std::string>>> ChangedSince(const std::string& token) const;

 private:
  Fleet* const fleet_;
  const std::string epoch_;
  int64_t subscription_ = 0;
  mutable Mutex mutex_;
  int64_t number_ ABSL_GUARDED_BY(mutex_) = 0;
  // Of changes up to this number nothing is known.
  int64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int64_t> last_changes_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Changed> subscribers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_JOURNAL_H_
