#ifndef GITOPS_COMMON_CLOCK_CLOCK_H_
#define GITOPS_COMMON_CLOCK_CLOCK_H_

#include <string>

#include "absl/time/time.h"
#include "common/clock/steady_time.h"
#include "common/sync/mutex.h"

namespace gitops {

// The time, passed in so that tests can control it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, for people and for records. It may be set back or forward.
  virtual absl::Time Now() = 0;
  // For timeouts and deadlines: never goes back, even if the wall clock is set.
  virtual SteadyTime SteadyNow() = 0;
  // Identifies the boot from which SteadyNow() counts. Empty: unknown, and different from every
  // other.
  virtual std::string BootId() = 0;

  // Waits on `condition` until it is notified or SteadyNow() reaches `deadline` (Infinite(): no
  // limit). Returns false if the deadline was reached. Wakes may be spurious. With FakeClock,
  // advancing the time wakes the waiter.
  virtual bool WaitUntil(Mutex& mutex, CondVar& condition, SteadyTime deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
  // The same until Now() reaches `deadline` (InfiniteFuture: no limit). Setting the wall clock
  // during the wait neither prolongs nor ends it.
  virtual bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  // The system's clock; never null, lives as long as the process.
  static Clock* System();
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_CLOCK_H_
