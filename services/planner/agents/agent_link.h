#ifndef GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/unary_call.h"
#include "gitops/v1/operation.pb.h"
#include "services/planner/agents/agent_caller.h"
#include "services/planner/agents/agent_channels.h"

namespace gitops {

// Finds agents and speaks with them: the part of AgentCaller that knows connections. Any thread.
class AgentLink {
 public:
  using Channel = std::shared_ptr<AgentChannel>;
  template <typename Async, typename Request, typename Response>
  using Method = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                                 std::function<void(grpc::Status)>);

  explicit AgentLink(const AgentCallerOptions& options);

  const AgentCallerOptions& options() const { return options_; }
  absl::Time Now() const { return options_.clock->Now(); }

  // Asks the agent how it stands, on a new connection if the old one is dead: the proof that it is
  // there. UNAVAILABLE: it does not answer within `timeout`; CANCELLED: gave up; others as Dial.
  absl::StatusOr<v1::GetHostStatusResponse> Ask(const std::string& address, absl::Duration timeout,
                                                const GiveUp& give_up);

  // A channel to an agent that is there. Errors as Ask, within connect_timeout.
  absl::StatusOr<Channel> Reach(const std::string& address, const GiveUp& give_up);

  // One call on a channel, whatever comes of it. Afterwards a channel whose agent has gone away is
  // no longer used for others.
  template <typename Async, typename Request, typename Response>
  UnaryResult Call(const std::string& address, const Channel& channel, grpc::ClientContext& context,
                   Method<Async, Request, Response> method, const Request& request,
                   Response& response, absl::Duration timeout, const GiveUp& give_up) {
    SetTimeout(context, timeout);
    UnaryResult result = AwaitUnary(context, give_up, [&](std::function<void(grpc::Status)> done) {
      (StubOf<Async>(channel)->*method)(&context, &request, &response, std::move(done));
    });
    Note(address, channel, result);
    return result;
  }

  // Waits until `until`. False: gave up.
  bool Pause(absl::Time until, const GiveUp& give_up) const;

 private:
  template <typename Async>
  static Async* StubOf(const Channel& channel) {
    if constexpr (std::is_same_v<Async, v1::AgentService::StubInterface::async_interface>) {
      return channel->services().async();
    } else {
      return channel->operations().async();
    }
  }

  // As Ask; `reached` is set if the agent answered anything at all.
  absl::StatusOr<v1::GetHostStatusResponse> AskFor(const std::string& address,
                                                   absl::Duration timeout, const GiveUp& give_up,
                                                   Channel& reached);
  void Note(const std::string& address, const Channel& channel, const UnaryResult& result);

  const AgentCallerOptions options_;
  AgentChannels channels_;
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_AGENT_LINK_H_
