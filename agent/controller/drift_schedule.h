#ifndef GITOPS_AGENT_CONTROLLER_DRIFT_SCHEDULE_H_
#define GITOPS_AGENT_CONTROLLER_DRIFT_SCHEDULE_H_

#include <algorithm>

#include "absl/time/time.h"

namespace gitops {

inline constexpr absl::Duration kMinScanInterval = absl::Seconds(1);
// Scans take at most this part of the time.
inline constexpr int kScanShare = 50;

// When a service is scanned for drift again, after a scan that began at `began` and took `took`:
// as often as its upstream is polled, unless that would be too much work.
inline absl::Time NextScan(absl::Time began, absl::Duration took, absl::Duration poll) {
  return began + std::max({poll, kMinScanInterval, took * kScanShare});
}

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_DRIFT_SCHEDULE_H_
