#include "common/clock/clock.h"

#include <time.h>

#include <chrono>
#include <string>

#include "absl/time/clock.h"
#include "common/clock/boot_id.h"

namespace gitops {
namespace {

class SystemClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  SteadyTime SteadyNow() override {
    timespec since_boot = {};
    ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return SteadyTime(absl::DurationFromTimespec(since_boot));
  }

  std::string BootId() override { return boot_id_; }

  bool WaitUntil(Mutex& mutex, CondVar& condition, SteadyTime deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return Wait(mutex, condition, deadline - SteadyNow());
  }

  bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return Wait(mutex, condition, deadline - Now());
  }

 private:
  static bool Wait(Mutex& mutex, CondVar& condition, absl::Duration left)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (left == absl::InfiniteDuration()) {
      condition.Wait(mutex);
      return true;
    }
    // Far deadlines are reduced, because the steady clock's nanoseconds would overflow; the early
    // end is then a spurious wake.
    constexpr absl::Duration kLongest = absl::Hours(24 * 365);
    const auto steady = std::chrono::steady_clock::now() +
                        absl::ToChronoNanoseconds(left < kLongest ? left : kLongest);
    return condition.WaitUntil(mutex, steady) || left > kLongest;
  }

  const std::string boot_id_ = ReadKernelBootId().value_or("");
};

}  // namespace

Clock* Clock::System() {
  // Never destroyed: threads may still wait on it while the process ends.
  static Clock* const clock = new SystemClock;
  return clock;
}

}  // namespace gitops
