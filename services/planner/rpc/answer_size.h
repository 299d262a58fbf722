#ifndef GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_
#define GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_

#include <cstddef>

#include "gitops/v1/deployment.pb.h"

namespace gitops {

// The largest answer, well below the limit of clients.
inline constexpr size_t kMostAnswerSize = 12 << 20;

// Shortens the bodies of all hook calls as far as needed, with a note in each, until `deployment`,
// which has no hosts, takes at most `most` bytes.
void FitAnswer(v1::Deployment& deployment, size_t most = kMostAnswerSize);
// Does the same for the outputs and hook calls of a host's steps. If that is not enough, removes
// the steps, and says so in the host's message.
void FitAnswer(v1::HostDeployment& host, size_t most = kMostAnswerSize);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_
