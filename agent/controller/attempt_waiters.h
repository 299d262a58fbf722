#ifndef GITOPS_AGENT_CONTROLLER_ATTEMPT_WAITERS_H_
#define GITOPS_AGENT_CONTROLLER_ATTEMPT_WAITERS_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/controller/reply.h"
#include "agent/state/state.h"

namespace gitops {

// A caller that waits for an attempt of a service which begins after its call.
struct AttemptWaiter {
  enum class Stage { kAsked, kUnderWay, kAttempted } stage = Stage::kAsked;
  std::function<bool(const ServiceRecord&)> superseded;  // by a newer command
  Reply<ServiceRecord> reply;
};

// The callers that wait for attempts of one service. Not thread-safe, except for their replies.
class AttemptWaiters {
 public:
  std::shared_ptr<AttemptWaiter> Add(std::function<bool(const ServiceRecord&)> superseded);
  // An attempt begins. Returns whether somebody has asked for it.
  bool Begin();
  // It was made, or not in the end: the next one is for its callers too.
  void End(bool attempted);
  // Answers those whose attempt was made, and whom a newer command has superseded.
  void Check(const ServiceRecord& record, absl::FunctionRef<absl::Status()> superseded);
  // Answers all with an error.
  void Refuse(const absl::Status& status);

 private:
  std::vector<std::shared_ptr<AttemptWaiter>> waiters_;
};

}  // namespace gitops

#endif  // GITOPS_AGENT_CONTROLLER_ATTEMPT_WAITERS_H_
