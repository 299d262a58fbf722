#include "common/client/dispatcher_client.h"

#include "common/client/calls.h"
#include "common/config/ports.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops {
namespace {

using DispatcherCalls = Calls<v1::HookDispatcherService>;
using Methods = DispatcherCalls::Async;

}  // namespace

absl::StatusOr<DispatcherClient> DispatcherClient::New(const ClientOptions& options) {
  auto calls = DispatcherCalls::New(
      PeerOptionsFor(options, "hook dispatcher", "gitops-hook-dispatcher", kHookDispatcherPort),
      options.caller);
  if (!calls.ok()) return calls.status();
  return DispatcherClient(*std::move(calls));
}

DispatcherClient DispatcherClient::For(Caller caller) const {
  return DispatcherClient(
      std::make_shared<const DispatcherCalls>(calls_->peer(), std::move(caller)));
}

absl::StatusOr<v1::DispatchHookResponse> DispatcherClient::Dispatch(
    const v1::DispatchHookRequest& request) {
  return calls_->Call(&Methods::DispatchHook, request, kMoveTimeout);
}

absl::StatusOr<std::vector<v1::Hook>> DispatcherClient::ListHooks() {
  const auto response = calls_->Call(&Methods::ListHooks, v1::ListHooksRequest());
  if (!response.ok()) return response.status();
  return std::vector<v1::Hook>(response->hooks().begin(), response->hooks().end());
}

absl::StatusOr<v1::TestHooksResponse> DispatcherClient::TestHooks(
    const v1::TestHooksRequest& request) {
  v1::DispatchHookRequest dispatch;
  dispatch.set_point(request.point());
  *dispatch.mutable_hosts() = request.hosts();
  dispatch.set_result(request.result());
  auto answer = Dispatch(dispatch);
  if (!answer.ok()) return answer.status();
  v1::TestHooksResponse response;
  response.mutable_hosts()->Swap(answer->mutable_hosts());
  response.mutable_calls()->Swap(answer->mutable_calls());
  if (answer->has_failure()) response.mutable_failure()->Swap(answer->mutable_failure());
  return response;
}

}  // namespace gitops
