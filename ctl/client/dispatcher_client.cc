#include "ctl/client/dispatcher_client.h"

#include <utility>

#include "common/config/ports.h"
#include "ctl/client/connection.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops::ctl {
namespace {

using v1::HookDispatcherService;

class GrpcDispatcherClient : public DispatcherClient {
 public:
  explicit GrpcDispatcherClient(std::unique_ptr<Connection> connection)
      : connection_(std::move(connection)),
        stub_(HookDispatcherService::NewStub(connection_->channel())) {}

  absl::StatusOr<std::vector<v1::Hook>> ListHooks() override {
    const absl::StatusOr<v1::ListHooksResponse> response = connection_->Call(
        *stub_, &HookDispatcherService::Stub::ListHooks, v1::ListHooksRequest(), kReadCall);
    if (!response.ok()) return response.status();
    return std::vector<v1::Hook>(response->hooks().begin(), response->hooks().end());
  }

  absl::StatusOr<v1::TestHooksResponse> TestHooks(const v1::TestHooksRequest& test) override {
    v1::DispatchHookRequest request;
    request.set_point(test.point());
    *request.mutable_hosts() = test.hosts();
    request.set_result(test.result());
    absl::StatusOr<v1::DispatchHookResponse> answer =
        connection_->Call(*stub_, &HookDispatcherService::Stub::DispatchHook, request, kMoveCall);
    if (!answer.ok()) return answer.status();
    v1::TestHooksResponse response;
    response.mutable_hosts()->Swap(answer->mutable_hosts());
    response.mutable_calls()->Swap(answer->mutable_calls());
    if (answer->has_failure()) response.mutable_failure()->Swap(answer->mutable_failure());
    return response;
  }

 private:
  const std::unique_ptr<Connection> connection_;
  const std::unique_ptr<HookDispatcherService::Stub> stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DispatcherClient>> NewDispatcherClient(
    const PlannerClientOptions& options) {
  ConnectionOptions connection_options;
  connection_options.address = options.address;
  connection_options.default_port = kHookDispatcherPort;
  connection_options.program = "gitops-hook-dispatcher";
  connection_options.insecure = options.insecure;
  connection_options.user = options.user;
  connection_options.timeout = options.timeout;
  connection_options.bad_request_is_usage = true;
  absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(connection_options);
  if (!connection.ok()) return connection.status();
  return std::make_unique<GrpcDispatcherClient>(*std::move(connection));
}

}  // namespace gitops::ctl
