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

// Numbers the changes of hosts, so that a watch can resume where it broke off. Numbers are valid
// for the lifetime of the journal. Any thread.
class FleetJournal {
 public:
  // Not owned.
  explicit FleetJournal(Fleet* fleet);
  ~FleetJournal();
  FleetJournal(const FleetJournal&) = delete;
  FleetJournal& operator=(const FleetJournal&) = delete;

  // Calls back with each change from now on, in order, one at a time. The callback must be quick
  // and must not use the journal.
  using Changed = std::function<void(const std::string& host, int64_t number)>;
  int64_t Subscribe(Changed changed);
  // No call comes after it.
  void Unsubscribe(int64_t id);
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
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Changed> subscribers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FLEET_JOURNAL_H_
