#ifndef GITOPS_COMMON_CLOCK_CLOCK_H_
#define GITOPS_COMMON_CLOCK_CLOCK_H_

#include "absl/time/time.h"
#include "common/sync/mutex.h"

namespace gitops {

// Time, passed in, so that tests decide what it is. All methods may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time.
  virtual absl::Time Now() = 0;

  // Waits on `condition` until it is notified or Now() reaches `deadline` (InfiniteFuture: no
  // limit). Returns false when the deadline was the reason. Wakes may be spurious. With
  // FakeClock, advancing the time wakes the waiter. The system's clock measures the wait on the
  // monotonic clock, so a step of the wall clock neither prolongs nor ends it.
  virtual bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  // The system's clock; never null, lives as long as the process.
  static Clock* System();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_CLOCK_H_
