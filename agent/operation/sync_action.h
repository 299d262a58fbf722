#ifndef GITOPS_AGENT_OPERATION_SYNC_ACTION_H_
#define GITOPS_AGENT_OPERATION_SYNC_ACTION_H_

#include <functional>

#include "absl/status/status.h"
#include "agent/controller/host_agent.h"
#include "agent/operation/action_runner.h"
#include "gitops/record/v1/operation.pb.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Moves coordinated services of this host to the revisions of a deployment.

// INVALID_ARGUMENT: an invalid hash.
absl::Status CheckSync(const v1::PerformActionRequest& request);

// Records the current revisions of the services. FAILED_PRECONDITION: the service of the request
// follows its branch by itself; or the request has no revision for the upstream and branch of a
// service.
absl::Status NoteSync(HostAgent& agent, const v1::PerformActionRequest& request,
                      record::v1::Operation& operation);

// Moves the services in parallel, and waits for all of them; a failure does not stop the others. If
// all failures have the same code, the result has it, else INTERNAL. After a failure, the moves are
// those of the services that have activated their revision. A service that this host does not have
// is not a failure: a deployment covers hosts of many kinds. CANCELLED: `abandoned`, which is
// polled a few times per second, returned true; moves that have begun go on.
ActionOutcome SyncServices(
    HostAgent& agent, const v1::PerformActionRequest& request, const record::v1::Operation& before,
    const std::function<bool()>& abandoned = [] { return false; });

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SYNC_ACTION_H_
