#include "services/planner/hooks/hook_caller.h"

#include <utility>

#include "absl/status/status.h"
#include "common/config/ports.h"
#include "common/rpc/error.h"
#include "common/rpc/peer.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops {
namespace {

// The answer has a record of each call.
constexpr int kMaxAnswerBytes = 32 << 20;
// Detects a dispatcher that is lost during a call.
constexpr absl::Duration kKeepalive = absl::Seconds(11);
constexpr absl::Duration kListTimeout = absl::Seconds(30);

class GrpcHookCaller final : public HookCaller {
 public:
  using Dispatcher = Peer<v1::HookDispatcherService>;

  explicit GrpcHookCaller(std::unique_ptr<Dispatcher> dispatcher)
      : dispatcher_(std::move(dispatcher)) {}

  bool configured() const override { return dispatcher_ != nullptr; }

  absl::StatusOr<v1::DispatchHookResponse> Dispatch(const v1::DispatchHookRequest& request,
                                                    const std::function<bool()>& give_up) override {
    if (configured())
      return dispatcher_->Call(&Methods::DispatchHook, request, {.give_up = give_up});
    v1::DispatchHookResponse unchanged;
    *unchanged.mutable_hosts() = request.hosts();
    return unchanged;
  }

  absl::StatusOr<v1::ListHooksResponse> List() override {
    if (!configured()) return v1::ListHooksResponse();
    auto hooks =
        dispatcher_->Call(&Methods::ListHooks, v1::ListHooksRequest(), {.timeout = kListTimeout});
    // This is not the deadline of the caller.
    if (absl::IsDeadlineExceeded(hooks.status())) {
      return MakeError(Reason::kHookDispatcherUnreachable, hooks.status().message());
    }
    return hooks;
  }

 private:
  using Methods = v1::HookDispatcherService::StubInterface::async_interface;

  const std::unique_ptr<Dispatcher> dispatcher_;  // null: there is none
};

}  // namespace

absl::StatusOr<std::unique_ptr<HookCaller>> NewHookCaller(ChannelOptions channel) {
  if (channel.address.empty()) return std::make_unique<GrpcHookCaller>(nullptr);
  channel.default_port = kHookDispatcherPort;
  channel.keepalive = kKeepalive;
  channel.max_answer_bytes = kMaxAnswerBytes;
  PeerOptions peer;
  peer.channel = std::move(channel);
  peer.name = "hook dispatcher";
  peer.program = "gitops-hook-dispatcher";
  peer.unreachable = Reason::kHookDispatcherUnreachable;
  auto dispatcher = GrpcHookCaller::Dispatcher::New(std::move(peer));
  if (!dispatcher.ok()) return dispatcher.status();
  return std::make_unique<GrpcHookCaller>(*std::move(dispatcher));
}

}  // namespace gitops
