#include "agent/report/timing.h"

#include <algorithm>

namespace gitops {
namespace {

constexpr absl::Duration kLeastDelay = absl::Milliseconds(200);
constexpr absl::Duration kFirstDelay = absl::Seconds(1);
constexpr absl::Duration kMostDelay = absl::Seconds(10);
constexpr int kMostDoublings = 4;  // beyond the most delay already

}  // namespace

absl::Duration ReconnectDelay(int failures, double random) {
  const int doublings = std::clamp(failures, 0, kMostDoublings);
  const absl::Duration most = std::min(kMostDelay, kFirstDelay * (1 << doublings));
  return kLeastDelay + (most - kLeastDelay) * random;
}

absl::Duration HeartbeatDelay(absl::Duration interval, double random) {
  const absl::Duration sane = std::clamp(interval, absl::Seconds(1), absl::Hours(1));
  return sane - sane * (random / 3);
}

}  // namespace gitops
