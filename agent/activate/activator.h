#ifndef GITOPS_AGENT_ACTIVATE_ACTIVATOR_H_
#define GITOPS_AGENT_ACTIVATE_ACTIVATOR_H_

#include <string>

#include "absl/status/status.h"

namespace gitops {

// Makes a published revision take effect for one service. Not thread-safe.
class Activator {
 public:
  virtual ~Activator() = default;

  // Installs what must be there before the first publication (a package). May be repeated.
  // FAILED_PRECONDITION, UNAVAILABLE or DEADLINE_EXCEEDED: it could not.
  virtual absl::Status Prepare() = 0;

  // Runs the action and waits until the service is healthy with it. Errors: FAILED_PRECONDITION:
  // the action or the unit failed (the message says which, and the unit's result);
  // DEADLINE_EXCEEDED: not healthy in time; UNAVAILABLE: systemd cannot be reached; CANCELLED:
  // Stop(). `first`: nothing was published before (or since boot), so a unit that is not running is
  // started instead of reloaded.
  virtual absl::Status Activate(bool first) = 0;

  // Checks cheaply whether the service is healthy now: OK, FAILED_PRECONDITION with the problem, or
  // UNAVAILABLE if that is unknown. OK for a service without an action.
  virtual absl::Status CheckHealth() = 0;

  // Ends a running Activate, for a shutdown.
  virtual void Stop() = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_ACTIVATOR_H_
