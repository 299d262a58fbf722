#include "ctl/client/connection.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/user_metadata.h"
#include "ctl/client/failure.h"

namespace gitops::ctl {
namespace {

constexpr absl::Duration kReconnectPatience = absl::Milliseconds(500);
constexpr absl::Duration kConnectPatience = absl::Seconds(5);
// A call may end a moment before its channel knows that the connection is gone.
constexpr absl::Duration kStatePatience = absl::Milliseconds(50);

}  // namespace

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  ChannelOptions channel_options;
  channel_options.address = options.address;
  channel_options.default_port = options.default_port;
  channel_options.insecure = options.insecure;
  channel_options.max_answer_bytes = options.max_answer_bytes;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial(channel_options);
  if (absl::IsInvalidArgument(channel.status())) return WithExitCode(channel.status(), kUsage);
  if (!channel.ok()) return WithExitCode(channel.status(), kUnreachable);
  return std::unique_ptr<Connection>(new Connection(*std::move(channel), options));
}

Connection::Connection(std::shared_ptr<grpc::Channel> channel, const ConnectionOptions& options)
    : channel_(std::move(channel)), options_(options), start_(absl::Now()) {}

void Connection::Prepare(grpc::ClientContext& context, const CallKind& kind) const {
  context.AddMetadata(kUserMetadata, options_.user);
  const absl::Duration bound = options_.timeout.value_or(kind.bound);
  if (bound == absl::InfiniteDuration()) return;
  // The timeout is for the whole command; a bound of its own begins with each call.
  const absl::Time begin = options_.timeout.has_value() ? start_ : absl::Now();
  context.set_deadline(absl::ToChronoTime(begin + bound));
}

absl::Status Connection::Explain(absl::Status status, const CallKind& kind) const {
  if (absl::IsDeadlineExceeded(status) && kind.bound == absl::InfiniteDuration()) {
    return WatchIsOver();
  }
  if (absl::IsDeadlineExceeded(status)) {
    return WithHint(
        absl::DeadlineExceededError(absl::StrCat(
            "no answer within ", absl::FormatDuration(options_.timeout.value_or(kind.bound)))),
        kind.late_hint);
  }
  if (absl::IsUnavailable(status) && channel_->GetState(false) != GRPC_CHANNEL_READY) {
    return WithHint(
        WithExitCode(std::move(status), kUnreachable),
        absl::StrCat("is ", options_.program, " running there, and listening on that address?"));
  }
  if (absl::IsInvalidArgument(status) && options_.bad_request_is_usage) {
    return WithExitCode(std::move(status), kUsage);
  }
  return status;
}

absl::Duration Connection::Remaining() const {
  if (!options_.timeout.has_value()) return absl::InfiniteDuration();
  return std::max(absl::ZeroDuration(), start_ + *options_.timeout - absl::Now());
}

bool Connection::Connect() const {
  const auto end = absl::ToChronoTime(absl::Now() + std::min(kConnectPatience, Remaining()));
  grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
  while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
    if (!channel_->WaitForStateChange(state, end)) return false;
    state = channel_->GetState(/*try_to_connect=*/true);
  }
  return state == GRPC_CHANNEL_READY;
}

bool Connection::LostAnswer(const absl::Status& status) const {
  if (!absl::IsUnavailable(status)) return false;
  return channel_->GetState(false) != GRPC_CHANNEL_READY ||
         channel_->WaitForStateChange(GRPC_CHANNEL_READY,
                                      absl::ToChronoTime(absl::Now() + kStatePatience));
}

void Connection::ReconnectNow() const {
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
  // While no call is under way gRPC looks at its sockets every 5 seconds only, so a connection made
  // would be noticed as late.
  const absl::Duration patience = std::min(kReconnectPatience, Remaining());
  channel_->WaitForConnected(absl::ToChronoTime(absl::Now() + patience));
}

}  // namespace gitops::ctl
