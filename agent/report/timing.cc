#include "agent/report/timing.h"

#include <algorithm>

namespace gitops {

absl::Duration HeartbeatDelay(absl::Duration interval, double random) {
  const absl::Duration sane = std::clamp(interval, absl::Seconds(1), absl::Hours(1));
  return sane - sane * (random / 3);
}

}  // namespace gitops
