#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_NOTIFICATION_PROMOTER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_NOTIFICATION_PROMOTER_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/program_config/sinks_config.h"
#include "common/store/store.h"
#include "services/promotion_receiver/strategy/promoter.h"

namespace gitops {

struct NotificationPromoterOptions {
  // The sinks as they are configured now. Thread-safe.
  std::function<std::vector<SinkSpec>()> sinks;
  Store* store = nullptr;  // this and `http` must outlive it
  HttpClient* http = nullptr;
  Clock* clock = Clock::System();
  absl::Duration timeout = absl::Seconds(15);  // of each request
};

// Tells the sinks of the pipeline's notification strategy (none named: all that are configured)
// about a promotion. Done when each has answered 2xx. A sink that has answered so is noted in the
// store, and is not told again by later attempts; if the program is killed between the answer and
// the note, the sink gets the notification again, with the same id. A replay tells all of them,
// with another id (effect_key; if it is empty, the promotion's id).
//
// Tries all sinks before it returns an error. FAILED_PRECONDITION also: a named sink is not
// configured, there is no sink, or one refuses the notification and no retry would help the others.
std::unique_ptr<Promoter> NewNotificationPromoter(NotificationPromoterOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_STRATEGY_NOTIFICATION_PROMOTER_H_
