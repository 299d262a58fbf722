#ifndef GITOPS_SERVICES_PLANNER_FLEET_SEEN_WRITER_H_
#define GITOPS_SERVICES_PLANNER_FLEET_SEEN_WRITER_H_

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/sync/mutex.h"
#include "gitops/record/v1/fleet.pb.h"

namespace gitops {

// Stores the last reports of hosts, on a thread of its own, many in one write, so that a slow or
// full disk does not hold up agents. Retries a write that is UNAVAILABLE; after another error, the
// next reports of hosts are stored. Any thread.
class SeenWriter {
 public:
  // `current` returns what to store of a host at the time of the write; none: the host was
  // forgotten. Called without locks held. Neither pointer is owned.
  SeenWriter(Store* store, Clock* clock,
             std::function<std::optional<std::string>(const std::string& host)> current);
  // Stores what is pending, but does not retry.
  ~SeenWriter();

  // The host changed.
  void Touch(const std::string& host);

 private:
  void Run();
  absl::Status Write(const std::set<std::string>& hosts);
  std::set<std::string> Take() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store* const store_;
  Clock* const clock_;
  const std::function<std::optional<std::string>(const std::string& host)> current_;
  Mutex mutex_;
  CondVar wake_;
  std::set<std::string> pending_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Calls `on_seen` for each stored host, with its key. Damaged records are left out.
absl::Status LoadSeen(
    Store* store,
    const std::function<void(const std::string& host, const record::v1::SeenHost& seen)>& on_seen);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_SEEN_WRITER_H_
