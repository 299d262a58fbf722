#ifndef GITOPS_COMMON_CLOCK_FAKE_CLOCK_H_
#define GITOPS_COMMON_CLOCK_FAKE_CLOCK_H_

#include <chrono>
#include <list>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/sync/mutex.h"

namespace gitops {

// A clock that moves only when the test advances it. Code that waits on it wakes when its deadline
// is reached, so that no test sleeps.
//
//   FakeClock clock; Poller poller(&clock); // its thread waits for 30 s
//   ASSERT_TRUE(clock.AwaitWaiters(1)); // it is waiting clock.Advance(absl::Seconds(30)); // it
//   polls
class FakeClock : public Clock {
 public:
  // 2026-01-01T00:00:00Z, by default.
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1767225600)) : now_(start) {}

  absl::Time Now() override;
  SteadyTime SteadyNow() override;
  std::string BootId() override;
  bool WaitUntil(Mutex& mutex, CondVar& condition, SteadyTime deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // Advances the time, and wakes the waiters whose deadline is reached. The caller must not hold a
  // mutex of a waiter.
  void Advance(absl::Duration by);
  // Sets the wall clock, forward or back. SteadyNow() does not change.
  void SetTime(absl::Time now);
  // Simulates a reboot: SteadyNow() restarts at zero. There must be no waiters.
  void Reboot();

  // The number of threads blocked in WaitUntil, with a future deadline or none.
  int waiters();
  // Waits until at least `count` threads are blocked. Returns false after `within` of real time,
  // which only a failing test reaches.
  bool AwaitWaiters(int count, std::chrono::milliseconds within = std::chrono::seconds(10));
  // Waits until a thread is blocked with a deadline (of either kind) at or after `deadline`: it has
  // then finished the work for which an Advance() woke it. Returns false as above.
  bool AwaitDeadline(absl::Time deadline,
                     std::chrono::milliseconds within = std::chrono::seconds(10));
  // Waits until a thread is blocked with a deadline at or before `latest`, and returns the
  // earliest: the time at which something will happen next. InfiniteFuture: as false above.
  absl::Time AwaitDeadlineBy(absl::Time latest,
                             std::chrono::milliseconds within = std::chrono::seconds(10));

 private:
  struct Waiter {
    Mutex* mutex;
    CondVar* condition;
    // One of them is infinite.
    absl::Time deadline;
    SteadyTime steady_deadline;
    // The deadline has been reached; a later change of the time does not undo that.
    bool due = false;
    // Calls that are about to notify this entry: it, and what it points to, must outlive them.
    int wakers = 0;
  };

  bool Wait(Mutex& mutex, CondVar& condition, absl::Time deadline, SteadyTime steady_deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  bool IsDue(const Waiter& waiter) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // As wall time, if that is not set meanwhile.
  absl::Time DeadlineOf(const Waiter& waiter) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Waiter*> TakeDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Wake(const std::vector<Waiter*>& due) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Time Earliest() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Blocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  CondVar changed_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  SteadyTime steady_now_ ABSL_GUARDED_BY(mutex_) = SteadyTime(absl::Hours(1));
  int boots_ ABSL_GUARDED_BY(mutex_) = 1;
  std::list<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_FAKE_CLOCK_H_
