#ifndef GITOPS_AGENT_OPERATION_HISTORY_WORDS_H_
#define GITOPS_AGENT_OPERATION_HISTORY_WORDS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "common/rpc/actor.h"
#include "gitops/v1/operation.pb.h"

namespace gitops {

// Actor and reason of a deployment, for a service's history.
inline Actor ActorOf(const v1::Operation& operation) {
  return operation.actor().empty() ? "a deployment" : ReadActor(operation);
}
inline std::string ReasonOf(const v1::Operation& operation) {
  if (operation.deployment().empty()) return operation.reason();
  return absl::StrCat("deployment ", operation.deployment(), operation.reason().empty() ? "" : ": ",
                      operation.reason());
}

}  // namespace gitops

#endif  // GITOPS_AGENT_OPERATION_HISTORY_WORDS_H_
