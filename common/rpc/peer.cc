#include "common/rpc/peer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/retry/backoff.h"
#include "common/rpc/address.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_diagnosis.h"

namespace gitops {
namespace {

constexpr char kUnreachable[] = "gitops/unreachable";
constexpr absl::Duration kStatePatience = absl::Milliseconds(50);
constexpr absl::Duration kConnectPatience = absl::Seconds(5);
constexpr absl::Duration kAskEvery = absl::Milliseconds(200);

// What the server answered has details (ToGrpcStatus), what gRPC found has none.
bool IsSilence(grpc::Channel& channel, const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return status.error_details().empty();
    // The server's own, too, if the connection outlives it. A call may end a moment before its
    // channel knows that the connection is gone.
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
      return status.error_details().empty() &&
             (channel.GetState(false) != GRPC_CHANNEL_READY ||
              channel.WaitForStateChange(GRPC_CHANNEL_READY,
                                         absl::ToChronoTime(absl::Now() + kStatePatience)));
    default:
      return false;
  }
}

// gRPC aborts the process over other metadata.
std::string PrintableAscii(std::string text) {
  for (char& c : text) {
    if (!absl::ascii_isprint(c)) c = '?';
  }
  return text;
}

// As its caller set it, although a part of it may have been spent before the call.
std::string TimeoutText(absl::Duration timeout) {
  timeout = std::max(timeout, absl::ZeroDuration());
  const absl::Duration unit =
      timeout < absl::Seconds(1) ? absl::Milliseconds(10) : absl::Milliseconds(100);
  return absl::FormatDuration(absl::Trunc(timeout + unit / 2, unit));
}

}  // namespace

bool IsUnreachable(const absl::Status& status) {
  return status.GetPayload(kUnreachable).has_value();
}

absl::Status AsUnreachable(absl::Status status) {
  status.SetPayload(kUnreachable, absl::Cord());
  return status;
}

PeerBase::PeerBase(PeerOptions options)
    : options_([&] {
        options.channel.own_connection = true;
        if (!options.channel.server.has_value()) {
          options.channel.server = ServerOf(options.program);
        }
        return std::move(options);
      }()),
      socket_(LocalSocketFor(options_.channel)) {}

absl::Duration PeerBase::SinceHeard() const {
  MutexLock lock(mutex_);
  const int64_t heard = connection_ == nullptr ? kNever : connection_->heard.load();
  if (heard == kNever) return absl::InfiniteDuration();
  const absl::Duration since = options_.clock->Now() - absl::FromUnixMicros(heard);
  return since < absl::ZeroDuration() ? absl::InfiniteDuration() : since;
}

bool PeerBase::Connect(const CallOptions& options) {
  const auto connection = Get();
  if (!connection.ok()) return false;
  grpc::Channel& channel = *(*connection)->channel;
  const auto end = absl::ToChronoTime(absl::Now() + std::min(kConnectPatience, options.timeout));
  grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
  while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
    if (!channel.WaitForStateChange(state, end)) return false;
    state = channel.GetState(/*try_to_connect=*/true);
  }
  return state == GRPC_CHANNEL_READY;
}

bool PeerBase::PauseAfter(int failures, absl::Time end, const std::function<bool()>& give_up) {
  const absl::Time next = absl::Now() + kLostAnswerBackoff.After(failures);
  if (next >= end) return false;
  for (absl::Time now = absl::Now(); now < next; now = absl::Now()) {
    if (give_up && give_up()) return false;
    absl::SleepFor(std::min(kAskEvery, next - now));
  }
  return true;
}

absl::StatusOr<std::shared_ptr<PeerBase::Connection>> PeerBase::Get() {
  MutexLock lock(mutex_);
  // Over TCP it would stay a viewer, although the program serves its socket by now.
  const bool socket_appeared = connection_ != nullptr && !connection_->over_socket &&
                               !socket_.empty() && CanOpenSocket(socket_);
  if (connection_ != nullptr && !socket_appeared) return connection_;
  const bool over_socket = socket_appeared || (!socket_.empty() && CanOpenSocket(socket_));
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial(options_.channel);
  if (!channel.ok()) return AsUnreachable(channel.status());
  auto connection = std::make_shared<Connection>();
  connection->stubs = NewStubs(*channel);
  connection->channel = *std::move(channel);
  connection->over_socket = over_socket;
  connection_ = std::move(connection);
  return connection_;
}

absl::StatusOr<std::shared_ptr<PeerBase::Connection>> PeerBase::GetFor(const CallOptions& options) {
  if (options.timeout > absl::ZeroDuration()) return Get();
  return absl::DeadlineExceededError(
      absl::StrCat("no time is left to call the ", options_.name, " at ", address()));
}

void PeerBase::Prepare(grpc::ClientContext& context, const CallOptions& options) {
  SetTimeout(context, options.timeout);
  for (const auto& [name, value] : options.metadata) {
    context.AddMetadata(name, PrintableAscii(value));
  }
}

PeerResult PeerBase::Note(const std::shared_ptr<Connection>& connection, UnaryResult result) {
  PeerResult noted{std::move(result)};
  if (noted.gave_up) return noted;
  noted.silent = IsSilence(*connection->channel, noted.status);
  if (!noted.silent) {
    connection->heard = absl::ToUnixMicros(options_.clock->Now());
    return noted;
  }
  MutexLock lock(mutex_);
  if (connection_ == connection) connection_ = nullptr;
  return noted;
}

absl::Status PeerBase::Explain(const PeerResult& result, const CallOptions& options) const {
  const std::string who = absl::StrCat("the ", options_.name, " at ", address());
  if (result.gave_up) return absl::CancelledError(absl::StrCat("gave up waiting for ", who));
  if (!result.silent) return FromGrpcStatus(result.status);
  if (result.status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(
        absl::StrCat("no answer from ", who, " within ", TimeoutText(options.timeout)));
  }
  const std::string cause = DiagnoseConnection(options_.channel, result.status.error_message());
  if (!cause.empty()) {
    return AsUnreachable(
        MakeError(options_.unreachable, absl::StrCat("cannot reach ", who, ": ", cause)));
  }
  return AsUnreachable(
      MakeError(options_.unreachable,
                absl::StrCat("cannot reach ", who, ": ", result.status.error_message(), " (is ",
                             options_.program, " running there, and listening on that address?)")));
}

}  // namespace gitops
