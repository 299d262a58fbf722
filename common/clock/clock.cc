#include "common/clock/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace gitops {
namespace {

class SystemClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  bool WaitUntil(Mutex& mutex, CondVar& condition, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (deadline == absl::InfiniteFuture()) {
      condition.Wait(mutex);
      return true;
    }
    // Far deadlines are cut, because the steady clock's nanoseconds would overflow; the early end
    // then is a spurious wake.
    constexpr absl::Duration kLongest = absl::Hours(24 * 365);
    const absl::Duration left = deadline - Now();
    const auto steady = std::chrono::steady_clock::now() +
                        absl::ToChronoNanoseconds(left < kLongest ? left : kLongest);
    return condition.WaitUntil(mutex, steady) || left > kLongest;
  }
};

}  // namespace

Clock* Clock::System() {
  // Never destroyed: threads may still wait on it while the process ends.
  static Clock* const clock = new SystemClock;
  return clock;
}

}  // namespace gitops
