#ifndef GITOPS_SERVICES_PLANNER_CHECK_REPEATED_CHECKS_H_
#define GITOPS_SERVICES_PLANNER_CHECK_REPEATED_CHECKS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace gitops {

// The largest number of concurrent tries of one RunRepeatedly.
inline constexpr int kMostTries = 16;

// Something that is tried until it succeeds, or once.
struct RepeatedCheck {
  std::string name;  // for people, a line
  absl::Duration period, timeout;
  // One try, which should end within `timeout`, and soon after `give_up` returns true. Called from
  // any thread, one call at a time. Not OK: the message is its last answer; after
  // PERMISSION_DENIED, no check is tried again, since it would be refused too.
  std::function<absl::Status(absl::Duration timeout, const std::function<bool()>& give_up)> attempt;
  bool once = false;  // one try decides
};

// Told after each try: how many tries of all checks there were, and the last answer of a check that
// has not succeeded ("NAME: ANSWER"; empty: there is none). From any thread, one call at a time.
using TriesSeen = std::function<void(int tries, const std::string& failing)>;

// Tries every check every `period` until it has succeeded once, concurrently as far as threads can
// be created. `give_up` (may be empty) is called from this thread only; `seen` may be empty.
// Returns as HostChecks::Run.
absl::Status RunRepeatedly(const std::vector<RepeatedCheck>& checks, Clock* clock,
                           absl::Duration within, const std::function<bool()>& give_up,
                           std::string* output, const TriesSeen& seen = nullptr);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_CHECK_REPEATED_CHECKS_H_
