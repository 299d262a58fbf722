#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/retry/backoff.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "services/planner/agents/agent_link.h"

namespace gitops {
namespace {

// One action on one agent, with as many calls as it takes.
class Performance {
 public:
  Performance(AgentLink& link, const AgentAddress& address, const v1::PerformActionRequest& request,
              const GiveUp& give_up)
      : link_(link),
        address_(address),
        request_(request),
        give_up_(give_up),
        end_(link.Now() + link.options().action_timeout) {}

  PerformOutcome Run() {
    absl::StatusOr<AgentLink::Agent> agent = link_.Reach(address_, give_up_);
    if (!agent.ok()) return {.status = agent.status(), .response = {}, .unknown = false};
    while (true) {
      const SteadyTime begun = link_.Now();
      PerformOutcome outcome;
      const grpc::Status status = Call(**agent, outcome);
      if (!WentAway(status)) return outcome;
      // An agent that worked for longer than that gets the full time to return again.
      const absl::Duration patience = link_.options().return_timeout;
      if (!is_away_ || link_.Now() - begun > patience) back_by_ = link_.Now() + patience;
      is_away_ = true;
      agent = AwaitReturn(status.error_message());
      if (!agent.ok()) return {.status = agent.status(), .response = {}, .unknown = true};
    }
  }

 private:
  std::string What() const {
    return absl::StrCat(request_.action(), " by the agent at ", address_.address);
  }

  absl::Status GaveUp() const {
    return absl::CancelledError(
        absl::StrCat("gave up waiting for ", What(), "; what had begun there goes on"));
  }

  // The agent may do it, or have done it, nevertheless; the operation id makes it safe to repeat
  // the call.
  bool WentAway(const grpc::Status& status) const {
    return !gave_up_ && (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                         status.error_code() == grpc::StatusCode::CANCELLED);
  }

  grpc::Status Call(AgentPeer& agent, PerformOutcome& outcome) {
    const PeerResult result = agent.CallRaw(
        &v1::OperationService::StubInterface::async_interface::PerformAction, request_,
        outcome.response, {.timeout = end_ - link_.Now(), .give_up = give_up_});
    gave_up_ = result.gave_up;
    outcome.status = Tell(result);
    outcome.unknown =
        result.gave_up || result.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (!outcome.status.ok()) TakeMoves(outcome);
    return result.status;
  }

  // The moves of a failed sync are a detail of its status.
  static void TakeMoves(PerformOutcome& outcome) {
    outcome.response =
        DetailOf<v1::PerformActionResponse>(outcome.status).value_or(v1::PerformActionResponse());
    outcome.status.ErasePayload(DetailUrl<v1::PerformActionResponse>());
  }

  absl::Status Tell(const PeerResult& result) const {
    if (result.gave_up) return GaveUp();
    if (result.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return absl::DeadlineExceededError(absl::StrCat(
          What(), " has not ended within ", absl::FormatDuration(link_.options().action_timeout),
          "; what had begun there goes on"));
    }
    return FromGrpcStatus(result.status);
  }

  // The agent, once it is back. CANCELLED, ABORTED.
  absl::StatusOr<AgentLink::Agent> AwaitReturn(const std::string& reason) {
    const SteadyTime until = std::min(back_by_, end_);
    while (link_.Now() < until) {
      const absl::Duration pause = kAgentReturnBackoff.After(++attempts_);
      if (!link_.Pause(std::min(link_.Now() + pause, until), give_up_)) return GaveUp();
      absl::StatusOr<AgentLink::Agent> agent = link_.Reach(address_, give_up_);
      if (agent.ok()) return agent;
      if (absl::IsCancelled(agent.status())) return GaveUp();
    }
    return MakeError(
        Reason::kHostLost,
        absl::StrCat("the agent at ", address_.address, " went away during ", request_.action(),
                     " (", reason, ") and did not come back within ",
                     absl::FormatDuration(link_.options().return_timeout),
                     ", so it is not known what was done; `resume` goes on when it is back"));
  }

  AgentLink& link_;
  const AgentAddress& address_;
  const v1::PerformActionRequest& request_;
  const GiveUp& give_up_;
  const SteadyTime end_;
  bool gave_up_ = false;
  bool is_away_ = false;
  SteadyTime back_by_;
  int attempts_ = 0;  // to reach it again
};

}  // namespace

PerformOutcome PerformAction(AgentLink& link, const AgentAddress& address,
                             const v1::PerformActionRequest& request, const GiveUp& give_up) {
  return Performance(link, address, request, give_up).Run();
}

}  // namespace gitops
