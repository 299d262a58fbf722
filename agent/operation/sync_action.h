#ifndef GITOPS_AGENT_OPERATION_SYNC_ACTION_H_
#define GITOPS_AGENT_OPERATION_SYNC_ACTION_H_

#include "absl/status/status.h"
#include "agent/controller/host_agent.h"
#include "agent/operation/action_runner.h"
#include "gitops/record/v1/operation.pb.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Brings coordinated services of this host to the revisions that a deployment fixed.

// INVALID_ARGUMENT: a hash is none.
absl::Status CheckSync(const v1::PerformActionRequest& request);

// Notes where the services are now. FAILED_PRECONDITION: the service that is named follows its
// branch by itself; or the request has no revision for the upstream and branch of a service.
absl::Status NoteSync(HostAgent& agent, const v1::PerformActionRequest& request,
                      record::v1::Operation& operation);

// Moves the services side by side, and waits for all of them; one that fails does not stop the
// others. Where all failures are of one kind, that is the code, else INTERNAL. The moves of a
// failure name those services that have taken their revision on. A service that this host lacks
// is no failure: a deployment goes over hosts of many kinds.
ActionOutcome SyncServices(HostAgent& agent, const v1::PerformActionRequest& request,
                           const record::v1::Operation& before);

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_SYNC_ACTION_H_
