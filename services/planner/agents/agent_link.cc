#include "services/planner/agents/agent_link.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"

namespace gitops {
namespace {

// An agent that answered so lately need not be asked whether it is there.
constexpr absl::Duration kHeardLately = absl::Seconds(5);
constexpr absl::Duration kAskEvery = absl::Milliseconds(200);
// A failed action tells in its status what it had done until then: kMaxActionDetails in base64.
constexpr int kMaxMetadataBytes = 1 << 20;
static_assert(kMaxMetadataBytes > kMaxActionDetails / 3 * 4 + kMaxEncodedMessage);

ChannelOptions ChannelsAs(const AgentCallerOptions& options) {
  ChannelOptions channels;
  channels.insecure = options.insecure;
  channels.tls_dir = options.tls_dir;
  channels.connect_timeout = options.connect_timeout;
  channels.keepalive = options.keepalive;
  channels.keepalive_timeout = options.keepalive_timeout;
  channels.max_metadata_bytes = kMaxMetadataBytes;
  channels.idle_timeout = absl::Minutes(5);
  // When the next try after a failed one is made is decided here, not by gRPC's back-off.
  channels.own_connection = true;
  return channels;
}

// gRPC tells a deadline of ours and the agent's alike; neither is an answer.
bool IsSilence(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

absl::Status Unreachable(const std::string& address, absl::Duration timeout,
                         const grpc::Status& status) {
  const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return MakeError(
      Reason::kHostUnreachable,
      absl::StrCat("cannot reach the agent at ", address, ": ",
                   late ? absl::StrCat("no answer within ", absl::FormatDuration(timeout))
                        : status.error_message(),
                   " (is gitops-agent running there, and listening on that address?)"));
}

}  // namespace

AgentLink::AgentLink(const AgentCallerOptions& options)
    : options_(options), channels_(ChannelsAs(options)) {}

absl::StatusOr<v1::GetHostStatusResponse> AgentLink::Ask(const std::string& address,
                                                         absl::Duration timeout,
                                                         const GiveUp& give_up) {
  Channel reached;
  return AskFor(address, timeout, give_up, reached);
}

absl::StatusOr<AgentLink::Channel> AgentLink::Reach(const std::string& address,
                                                    const GiveUp& give_up) {
  absl::StatusOr<Channel> channel = channels_.Get(address, Now());
  if (!channel.ok() || Now() - (*channel)->heard() < kHeardLately) return channel;
  Channel reached;
  const auto status = AskFor(address, options_.connect_timeout, give_up, reached);
  // Whatever it answers proves that it is there.
  if (reached != nullptr) return reached;
  return status.status();
}

absl::StatusOr<v1::GetHostStatusResponse> AgentLink::AskFor(const std::string& address,
                                                            absl::Duration timeout,
                                                            const GiveUp& give_up,
                                                            Channel& reached) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const absl::StatusOr<Channel> channel = channels_.Get(address, Now());
    if (!channel.ok()) return channel.status();
    const bool used_before = (*channel)->heard() != absl::InfinitePast();
    grpc::ClientContext context;
    v1::GetHostStatusResponse response;
    const UnaryResult result =
        Call(address, *channel, context,
             &v1::OperationService::StubInterface::async_interface::GetHostStatus,
             v1::GetHostStatusRequest(), response, deadline - absl::Now(), give_up);
    if (result.gave_up) {
      return absl::CancelledError(absl::StrCat("gave up waiting for the agent at ", address));
    }
    if (!IsSilence(result.status)) {
      reached = *channel;
      if (!result.status.ok()) return FromGrpcStatus(result.status);
      return response;
    }
    // The connection may be to an agent that has started anew since; another one tells.
    const bool lost = result.status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (!lost || !used_before) return Unreachable(address, timeout, result.status);
  }
}

bool AgentLink::Pause(absl::Time until, const GiveUp& give_up) const {
  Mutex mutex;
  CondVar never;
  // What is left, not when it is over: a clock that is set back must not prolong it.
  absl::Duration left = until - Now();
  while (true) {
    if (give_up && give_up()) return false;
    if (left <= absl::ZeroDuration()) return true;
    const absl::Time begun = Now();
    const absl::Duration wait = std::min(left, kAskEvery);
    MutexLock lock(mutex);
    const bool over = !options_.clock->WaitUntil(mutex, never, begun + wait);
    left -= std::max(Now() - begun, over ? wait : absl::ZeroDuration());
  }
}

void AgentLink::Note(const std::string& address, const Channel& channel,
                     const UnaryResult& result) {
  if (result.gave_up) return;
  if (IsSilence(result.status)) {
    channels_.Drop(address, channel);
  } else {
    channel->SetHeard(Now());
  }
}

}  // namespace gitops
