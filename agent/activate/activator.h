#ifndef GITOPS_AGENT_ACTIVATE_ACTIVATOR_H_
#define GITOPS_AGENT_ACTIVATE_ACTIVATOR_H_

#include <string>

#include "absl/status/status.h"

namespace gitops {

// Makes a published revision take effect on one service. Called by one thread at a time.
class Activator {
 public:
  virtual ~Activator() = default;

  // What must be there before the first publication (a package). OK when it is; harmless to repeat.
  // FAILED_PRECONDITION, UNAVAILABLE or DEADLINE_EXCEEDED say why not.
  virtual absl::Status Prepare() = 0;

  // Runs the action and waits until the service is healthy with it. Errors: FAILED_PRECONDITION:
  // the action or the unit failed (the message says which, and the unit's result);
  // DEADLINE_EXCEEDED: not healthy in time; UNAVAILABLE: systemd cannot be reached; CANCELLED:
  // Stop(). `first`: nothing was published before (or since boot), so that a unit which is not
  // running is started instead of being told to reload.
  virtual absl::Status Activate(bool first) = 0;

  // Whether the service is healthy now, cheaply: OK, FAILED_PRECONDITION with what is wrong, or
  // UNAVAILABLE if that cannot be told. OK for a service without an action.
  virtual absl::Status CheckHealth() = 0;

  // Ends a running Activate, for a shutdown.
  virtual void Stop() = 0;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_ACTIVATE_ACTIVATOR_H_
