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

// Stores what was last seen of hosts, on a thread of its own, many in one write: neither a slow
// disk nor a full one holds up who reports. A write that is UNAVAILABLE is tried again; after
// another error, what hosts report next is stored. Any thread.
class SeenWriter {
 public:
  // `current` says what is to be stored of a host at the time of the write; none: it is forgotten.
  // It is called without locks held. Neither pointer is owned.
  SeenWriter(Store* store, Clock* clock,
             std::function<std::optional<std::string>(const std::string& host)> current);
  // Stores what is left, if the store takes it at once.
  ~SeenWriter();

  // What is to be stored of the host has changed.
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

// Everything that is stored, `on_seen` with the host's key and what was seen of it. What cannot be
// read any more is left out, with a line in the log.
absl::Status LoadSeen(
    Store* store,
    const std::function<void(const std::string& host, const record::v1::SeenHost& seen)>& on_seen);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_FLEET_SEEN_WRITER_H_
