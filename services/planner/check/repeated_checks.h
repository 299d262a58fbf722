#ifndef GITOPS_SERVICES_PLANNER_CHECK_REPEATED_CHECKS_H_
#define GITOPS_SERVICES_PLANNER_CHECK_REPEATED_CHECKS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace gitops {

// At most so many tries of one RunRepeatedly are under way at a time.
inline constexpr int kMostTries = 16;

// Something that is tried until it succeeds, or once.
struct RepeatedCheck {
  std::string name;  // for people, a line
  absl::Duration period, timeout;
  // One try, which should end within `timeout`; and soon where `give_up` says so. Called from any
  // thread, one at a time. Not OK: the message is its last answer; after PERMISSION_DENIED no more
  // tries of any check are made, since they would be refused too.
  std::function<absl::Status(absl::Duration timeout, const std::function<bool()>& give_up)> attempt;
  bool once = false;  // one try decides
};

// Tries every check every `period` until it has succeeded once, side by side as far as threads can
// be made. `give_up` (may be empty) is asked from this thread only. Answers as HostChecks::Run.
absl::Status RunRepeatedly(const std::vector<RepeatedCheck>& checks, Clock* clock,
                           absl::Duration within, const std::function<bool()>& give_up,
                           std::string* output);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_CHECK_REPEATED_CHECKS_H_
