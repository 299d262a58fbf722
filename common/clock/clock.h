#ifndef GITOPS_COMMON_CLOCK_CLOCK_H_
#define GITOPS_COMMON_CLOCK_CLOCK_H_

#include <string>

#include "absl/time/time.h"
#include "common/clock/steady_time.h"
#include "common/sync/mutex.h"

namespace gitops {

// Time, passed in, so that tests decide what it is. All methods may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, for people and for records. Somebody may set it.
  virtual absl::Time Now() = 0;
  // For timeouts and deadlines: never goes back, whatever happens to the wall clock.
  virtual SteadyTime SteadyNow() = 0;
  // Identifies the boot that SteadyNow() counts from. Empty: unknown, so that no two are the same.
  virtual std::string BootId() = 0;

  // Waits on `condition` until it is notified or SteadyNow() reaches `deadline` (Infinite(): no
  // limit). Returns false when the deadline was the reason. Wakes may be spurious. With
  // FakeClock, advancing the time wakes the waiter.
  virtual bool WaitUntil(Mutex& mutex, CondVar& condition, SteadyTime deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
  // The same until Now() reaches `deadline` (InfiniteFuture: no limit). A step of the wall clock
  // during the wait neither prolongs nor ends it.
  virtual bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  // The system's clock; never null, lives as long as the process.
  static Clock* System();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_CLOCK_H_
