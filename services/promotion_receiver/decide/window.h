#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_WINDOW_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_WINDOW_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/promotion_receiver/pipeline/pipeline.h"

namespace gitops {

// Windows in which promotions may begin: plain functions. A local time that a change of the clocks
// skips is the moment of the change. One that comes twice opens a window the first time and closes
// it the second time.

// Whether promotions may begin at `now`: in one of the windows, or there are none.
bool IsOpen(const std::vector<Window>& windows, absl::Time now);

// When the next of the windows opens after `now`, with its time zone; InfiniteFuture: there are
// none.
struct Opening {
  absl::Time time = absl::InfiniteFuture();
  absl::TimeZone zone = absl::UTCTimeZone();
  std::string zone_name;
};
Opening NextOpening(const std::vector<Window>& windows, absl::Time now);

// "Mon 2026-03-02 09:00 Europe/Amsterdam".
std::string FormatOpening(const Opening& opening);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_DECIDE_WINDOW_H_
