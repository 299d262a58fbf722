#ifndef GITOPS_SERVICES_PLANNER_CHECK_HOST_CHECKS_H_
#define GITOPS_SERVICES_PLANNER_CHECK_HOST_CHECKS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/config/fleet.h"
#include "common/http/client.h"
#include "gitops/v1/operation.pb.h"
#include "services/planner/agents/agent_caller.h"

namespace gitops {

// Runs the checks of one host: http from here, cmd on the host by its agent. Every check is
// repeated every `period` (each try within its `timeout`) until it has succeeded once; all at the
// same time. Any thread.
class HostChecks {
 public:
  virtual ~HostChecks() = default;
  // OK: all have succeeded. DEADLINE_EXCEEDED: not within `within`; FAILED_PRECONDITION: one that
  // is tried once failed, or the agent refuses one; both name each that has not succeeded, and its
  // last answer. CANCELLED: `give_up` (asked a few times a second) said so. `output` is what the
  // record keeps, a line a check; may be null.
  virtual absl::Status Run(const HostSpec& host, const std::string& address,
                           v1::RunCheckRequest::Kind kind, absl::Duration within,
                           const std::function<bool()>& give_up, std::string* output) = 0;
};

// A check's `host` that is empty means the host part of `address`; http succeeds with 2xx, as in
// morph, and follows no redirects. Not owned.
std::unique_ptr<HostChecks> NewHostChecks(CheckCaller* agents, HttpClient* http, Clock* clock);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_CHECK_HOST_CHECKS_H_
