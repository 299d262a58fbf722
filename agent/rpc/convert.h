#ifndef GITOPS_AGENT_RPC_CONVERT_H_
#define GITOPS_AGENT_RPC_CONVERT_H_

#include "agent/controller/service_controller.h"
#include "agent/publish/publisher.h"
#include "agent/state/state.h"
#include "common/config/fleet.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// From the agent's own values to the API's messages. Plain functions.

v1::ServiceState ToProto(State state);

// All of it except revisions and changes.
v1::Service ToProto(const ServiceSpec& spec, const ServiceView& view);

v1::Change ToProto(const ChangeRecord& change);

v1::Difference ToProto(const DriftEntry& entry);

}  // namespace gitops

#endif  // GITOPS_AGENT_RPC_CONVERT_H_
