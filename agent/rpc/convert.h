#ifndef GITOPS_AGENT_RPC_CONVERT_H_
#define GITOPS_AGENT_RPC_CONVERT_H_

#include "agent/controller/host_agent.h"
#include "agent/controller/service_controller.h"
#include "agent/publish/publisher.h"
#include "agent/state/state.h"
#include "common/config/fleet.h"
#include "common/git/commit.h"
#include "gitops/v1/report.pb.h"
#include "gitops/v1/types.pb.h"

namespace gitops {

// Converts the agent's values to the API's messages.

v1::ServiceState ToProto(State state);

// All fields except revisions and changes.
v1::Service ToProto(const ServiceSpec& spec, const ServiceView& view);

v1::TipVerified ToProto(const TipMove& move);

v1::Commit ToProto(const CommitInfo& commit);

v1::Change ToProto(const ChangeRecord& change);

v1::Difference ToProto(const DriftEntry& entry);

}  // namespace gitops

#endif  // GITOPS_AGENT_RPC_CONVERT_H_
