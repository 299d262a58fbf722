#ifndef GITOPS_COMMON_RETRY_BACKOFF_H_
#define GITOPS_COMMON_RETRY_BACKOFF_H_

#include <algorithm>

#include "absl/time/time.h"

namespace gitops {

// Exponential back-off: the pauses between attempts.
struct Backoff {
  absl::Duration first;    // after the first failure; doubles with each further one
  absl::Duration longest;  // upper bound
  // A random part of a pause, up to this fraction (0 to 1), is subtracted, so that many clients
  // that failed at once do not retry at once. Never added: no pause is longer than `longest`.
  double jitter = 0;
  // Jitter leaves at least this much of a pause.
  absl::Duration shortest = absl::ZeroDuration();

  // The pause after `failures` failures in a row; less than 1 counts as 1. `random`, from 0 to 1,
  // is the part of the jitter that is subtracted.
  absl::Duration After(int failures, double random = 0) const {
    absl::Duration pause = std::min(first, longest);
    const int doublings = std::min(failures - 1, 40);  // a century, from a millisecond
    for (int i = 0; i < doublings && pause < longest; ++i) pause = std::min(2 * pause, longest);
    const absl::Duration least = std::min(pause, std::max(shortest, pause * (1 - jitter)));
    return pause - (pause - least) * std::clamp(random, 0.0, 1.0);
  }
};

// All back-offs of the suite, and pauses before another attempt.

// Agent: an upstream cannot be polled, or a revision cannot be prepared or activated.
inline Backoff PollBackoff(absl::Duration poll) {
  return {.first = poll, .longest = std::max(poll, absl::Minutes(5)), .jitter = 0.5};
}
// Agent: systemd's bus is down while a unit is waited for.
inline constexpr absl::Duration kBusRetry = absl::Milliseconds(250);
// Agent: the planner cannot be reached. Thousands of agents lose it at the same moment.
inline constexpr Backoff kReportBackoff = {.first = absl::Seconds(1),
                                           .longest = absl::Seconds(10),
                                           .jitter = 1,
                                           .shortest = absl::Milliseconds(200)};
// Agent: the certificate cannot be renewed. It is valid for a third of its life still.
inline constexpr Backoff kRenewalBackoff = {
    .first = absl::Seconds(10), .longest = absl::Hours(1), .jitter = 0.5};
// Planner: an agent was lost during an action.
inline constexpr Backoff kAgentReturnBackoff = {.first = absl::Milliseconds(200),
                                                .longest = absl::Seconds(2)};
// Planner: a host reboots.
inline constexpr Backoff kRebootBackoff = {.first = absl::Milliseconds(200),
                                           .longest = absl::Seconds(1)};
// Planner: the store refuses a read or write of a deployment in progress.
inline constexpr Backoff kStoreBackoff = {.first = absl::Milliseconds(100),
                                          .longest = absl::Seconds(5)};
// Any store: a lease that is due cannot be ended, for example on a full disk.
inline constexpr absl::Duration kLeaseRetry = absl::Milliseconds(500);
// Hook dispatcher: a hook's endpoint cannot be reached or answers 5xx.
inline constexpr Backoff kHookBackoff = {
    .first = absl::Milliseconds(200), .longest = absl::Seconds(2), .jitter = 0.5};
// Gateway: an issuer of JWTs cannot be asked for its keys.
inline constexpr Backoff kIssuerBackoff = {.first = absl::Seconds(5), .longest = absl::Minutes(5)};
// Promotion receiver: a strategy cannot do its effect now.
inline constexpr Backoff kPromotionBackoff = {
    .first = absl::Seconds(5), .longest = absl::Minutes(5), .jitter = 0.5};
// Promotion receiver: the planner's watch of the fleet ended.
inline constexpr Backoff kFleetWatchBackoff = {
    .first = absl::Seconds(1), .longest = absl::Seconds(30), .jitter = 0.5};
// gitopsctl: the planner does not answer while a deployment is watched.
inline constexpr Backoff kWatchBackoff = {.first = absl::Milliseconds(100),
                                          .longest = absl::Seconds(5)};
// Any client: the connection broke before the answer to a call that may be repeated.
inline constexpr Backoff kLostAnswerBackoff = {.first = absl::Milliseconds(100),
                                               .longest = absl::Seconds(1)};
// gRPC channels, which reconnect by themselves.
inline constexpr Backoff kChannelBackoff = {.first = absl::Milliseconds(200),
                                            .longest = absl::Seconds(5)};

}  // namespace gitops

#endif  // GITOPS_COMMON_RETRY_BACKOFF_H_
