#include "ctl/commands/patience.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"

namespace gitops::ctl {

bool MayHelpToRetry(const absl::Status& status) {
  // OK has no reason of its own: it would count as unknown.
  if (status.ok()) return false;
  switch (ReasonOf(status)) {
    case Reason::kServerStarting:
    case Reason::kServerStopping:
    case Reason::kTooManyCalls:
    case Reason::kTooManyWatchers:
    // A server that is killed ends its calls with any of these.
    case Reason::kUnavailable:
    case Reason::kUnknown:
    case Reason::kInternal:
    case Reason::kAborted:
    case Reason::kCancelled:
    case Reason::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

absl::Status WatchPatiently(const PatientWatch& options) {
  bool ever = options.ever_answered;
  int outages = 0;  // in a row
  while (true) {
    bool answered = false;
    const absl::Status status = options.watch(answered);
    ever = ever || answered;
    const absl::Duration remaining = options.remaining();
    if (!ever || !MayHelpToRetry(status) || remaining <= absl::ZeroDuration()) return status;
    outages = answered ? 1 : outages + 1;
    if (outages == 1) {
      options.err << "gitopsctl: the " << options.server << " does not answer ("
                  << absl::StatusCodeToString(status.code()) << "); retrying" << std::endl;
      options.restart();
    }
    absl::SleepFor(std::min(kWatchBackoff.After(outages), remaining));
  }
}

}  // namespace gitops::ctl
