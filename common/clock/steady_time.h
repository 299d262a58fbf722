#ifndef GITOPS_COMMON_CLOCK_STEADY_TIME_H_
#define GITOPS_COMMON_CLOCK_STEADY_TIME_H_

#include <compare>

#include "absl/time/time.h"

namespace gitops {

// A point in time on a clock that cannot be set: the time since this machine booted, including
// suspend (CLOCK_BOOTTIME). For deadlines and ages. It is meaningless in another boot: store it
// together with Clock::BootId().
class SteadyTime {
 public:
  // At the boot.
  constexpr SteadyTime() = default;
  constexpr explicit SteadyTime(absl::Duration since_boot) : since_boot_(since_boot) {}
  static constexpr SteadyTime Infinite() { return SteadyTime(absl::InfiniteDuration()); }
  static constexpr SteadyTime InfinitePast() { return SteadyTime(-absl::InfiniteDuration()); }

  constexpr absl::Duration since_boot() const { return since_boot_; }

  friend SteadyTime operator+(SteadyTime time, absl::Duration by) {
    return SteadyTime(time.since_boot_ + by);
  }
  friend absl::Duration operator-(SteadyTime a, SteadyTime b) {
    return a.since_boot_ - b.since_boot_;
  }
  friend bool operator==(SteadyTime a, SteadyTime b) { return a.since_boot_ == b.since_boot_; }
  friend std::strong_ordering operator<=>(SteadyTime a, SteadyTime b) {
    if (a.since_boot_ == b.since_boot_) return std::strong_ordering::equal;
    return a.since_boot_ < b.since_boot_ ? std::strong_ordering::less
                                         : std::strong_ordering::greater;
  }

 private:
  absl::Duration since_boot_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_CLOCK_STEADY_TIME_H_
