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
#include "services/planner/check/repeated_checks.h"

namespace gitops {

// Runs the checks of one host: http from here, cmd on the host by its agent. Every check is
// repeated every `period` (each try within its `timeout`) until it has succeeded once; all at the
// same time. Any thread.
class HostChecks {
 public:
  virtual ~HostChecks() = default;
  // OK: all have succeeded. DEADLINE_EXCEEDED: not within `within`; FAILED_PRECONDITION: a check
  // that is tried once failed, or the agent refused one; both name each check that has not
  // succeeded, and its last answer. CANCELLED: `give_up` (called a few times a second) returned
  // true. `output` gets the text for the record, one line per check; may be null. `seen`: as in
  // RunRepeatedly; may be empty.
  virtual absl::Status Run(const HostSpec& host, const AgentAddress& address,
                           v1::RunCheckRequest::Kind kind, absl::Duration within,
                           const std::function<bool()>& give_up, std::string* output,
                           const TriesSeen& seen) = 0;
};

// A check with an empty `host` uses the host part of `address`. An http check succeeds with 2xx, as
// in morph, and follows redirects within the same host if its spec says so. None is owned.
std::unique_ptr<HostChecks> NewHostChecks(CheckCaller* agents, HttpClient* http, Clock* clock);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_CHECK_HOST_CHECKS_H_
