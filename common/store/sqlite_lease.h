#ifndef GITOPS_COMMON_STORE_SQLITE_LEASE_H_
#define GITOPS_COMMON_STORE_SQLITE_LEASE_H_

#include <functional>
#include <thread>

#include "absl/status/status.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace gitops {

// Ends leases on time even if there are no writes. Its thread is started with the first lease, and
// wakes when the next one ends. Thread-safe.
class SqliteLeaseTimer {
 public:
  // `end_due` ends the leases that are due, and unless it fails leads to a call of Schedule; it may
  // block.
  SqliteLeaseTimer(Clock* clock, std::function<absl::Status()> end_due);
  ~SqliteLeaseTimer();

  // When the next lease ends; Infinite(): there is none.
  void Schedule(SteadyTime next_end);
  // A lease may end at `end`; for information that may be older than that of Schedule.
  void ScheduleNoLaterThan(SteadyTime end);

  // `end_due` is not called after this.
  void Stop();

 private:
  void SetNextEnd(SteadyTime next_end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();
  bool AwaitEnd();

  Clock* const clock_;
  const std::function<absl::Status()> end_due_;

  Mutex mutex_;
  CondVar wake_;
  SteadyTime next_end_ ABSL_GUARDED_BY(mutex_) = SteadyTime::Infinite();
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_SQLITE_LEASE_H_
