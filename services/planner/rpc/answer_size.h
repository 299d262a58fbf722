#ifndef GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_
#define GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_

#include <cstddef>

#include "gitops/v1/deployment.pb.h"

namespace gitops {

// What an answer may hold, well below what a client takes.
inline constexpr size_t kMostAnswerSize = 12 << 20;

// Shortens the bodies of hook calls, all as far as is needed and saying so in each, until
// `deployment`, which has no hosts, holds at most `most` bytes.
void FitAnswer(v1::Deployment& deployment, size_t most = kMostAnswerSize);
// The same for the outputs and hook calls of a host's steps; where that is not enough, the host
// loses its steps, and its message says so.
void FitAnswer(v1::HostDeployment& host, size_t most = kMostAnswerSize);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_ANSWER_SIZE_H_
