#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_OBSERVER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_OBSERVER_H_

#include <memory>

#include "common/client/planner_client.h"
#include "common/clock/clock.h"
#include "services/promotion_receiver/observe/observer.h"

namespace gitops {

struct FleetObserverOptions {
  // The connection to the planner; the observer gives the calls their limits.
  PlannerClient planner;
  std::string user = "promotion receiver";  // the caller of its calls
  Clock* clock = Clock::System();           // not owned
};

// Observes targets that are hosts of the fleet, for pipelines whose appRef is a gitops Service: one
// watch of the planner for all of them, on a thread of its own. A target is healthy if all selected
// hosts that have the service report, and run the same revision in state OK or FREEZE. A host that
// is silent makes it kUnknown. A target whose service was rolled back by a person is deliberate.
std::unique_ptr<Observer> NewFleetObserver(FleetObserverOptions options);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_OBSERVE_FLEET_OBSERVER_H_
