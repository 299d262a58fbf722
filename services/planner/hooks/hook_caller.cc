#include "services/planner/hooks/hook_caller.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/config/ports.h"
#include "common/rpc/channel.h"
#include "common/rpc/error.h"
#include "common/rpc/status.h"
#include "common/rpc/unary_call.h"
#include "common/sync/mutex.h"
#include "gitops/v1/hooks.grpc.pb.h"

namespace gitops {
namespace {

// A record of each call is in the answer.
constexpr int kMaxAnswerBytes = 32 << 20;
// A dispatcher that vanished in the midst of a call is noticed.
constexpr absl::Duration kKeepalive = absl::Seconds(11);
constexpr absl::Duration kListTimeout = absl::Seconds(30);

class NoHooks final : public HookCaller {
 public:
  bool configured() const override { return false; }

  absl::StatusOr<v1::DispatchHookResponse> Dispatch(const v1::DispatchHookRequest& request,
                                                    const std::function<bool()>& give_up) override {
    v1::DispatchHookResponse response;
    *response.mutable_hosts() = request.hosts();
    return response;
  }

  absl::StatusOr<v1::ListHooksResponse> List() override { return v1::ListHooksResponse(); }
};

absl::StatusOr<std::shared_ptr<v1::HookDispatcherService::Stub>> NewStub(
    const HookCallerOptions& options) {
  ChannelOptions channel_options;
  channel_options.address = options.dispatcher;
  channel_options.default_port = kHookDispatcherPort;
  channel_options.insecure = options.insecure;
  channel_options.tls_dir = options.tls_dir;
  channel_options.connect_timeout = options.connect_timeout;
  channel_options.keepalive = kKeepalive;
  channel_options.max_answer_bytes = kMaxAnswerBytes;
  channel_options.own_connection = true;
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Dial(channel_options);
  if (!channel.ok()) return channel.status();
  return v1::HookDispatcherService::NewStub(*channel);
}

class GrpcHookCaller final : public HookCaller {
 public:
  GrpcHookCaller(HookCallerOptions options, std::shared_ptr<v1::HookDispatcherService::Stub> stub)
      : options_(std::move(options)), stub_(std::move(stub)) {}

  bool configured() const override { return true; }

  absl::StatusOr<v1::DispatchHookResponse> Dispatch(const v1::DispatchHookRequest& request,
                                                    const std::function<bool()>& give_up) override {
    return Call<v1::DispatchHookResponse>(request, absl::InfiniteDuration(), give_up,
                                          &Stub::DispatchHook);
  }

  absl::StatusOr<v1::ListHooksResponse> List() override {
    return Call<v1::ListHooksResponse>(v1::ListHooksRequest(), kListTimeout, nullptr,
                                       &Stub::ListHooks);
  }

 private:
  using Stub = v1::HookDispatcherService::StubInterface::async_interface;
  template <typename Request, typename Response>
  using Method = void (Stub::*)(grpc::ClientContext*, const Request*, Response*,
                                std::function<void(grpc::Status)>);

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(const Request& request, absl::Duration timeout,
                                const std::function<bool()>& give_up,
                                Method<Request, Response> method) {
    const auto stub = GetStub();
    if (!stub.ok()) return stub.status();
    grpc::ClientContext context;
    SetTimeout(context, timeout);
    Response response;
    const UnaryResult result =
        AwaitUnary(context, give_up, [&](std::function<void(grpc::Status)> done) {
          ((*stub)->async()->*method)(&context, &request, &response, std::move(done));
        });
    if (result.status.ok()) return response;
    if (result.status.error_code() == grpc::StatusCode::UNAVAILABLE) Drop(*stub);
    return Explain(result);
  }

  absl::StatusOr<std::shared_ptr<v1::HookDispatcherService::Stub>> GetStub() {
    MutexLock lock(mutex_);
    if (stub_ != nullptr) return stub_;
    auto made = NewStub(options_);
    if (made.ok()) stub_ = *made;
    return made;
  }

  // The next call tries a new connection at once, without gRPC's back-off.
  void Drop(const std::shared_ptr<v1::HookDispatcherService::Stub>& stub) {
    MutexLock lock(mutex_);
    if (stub_ == stub) stub_ = nullptr;
  }

  absl::Status Explain(const UnaryResult& result) const {
    const std::string& address = options_.dispatcher;
    if (result.gave_up) {
      return absl::CancelledError(
          absl::StrCat("gave up waiting for the hook dispatcher at ", address));
    }
    switch (result.status.error_code()) {
      case grpc::StatusCode::UNAVAILABLE:
      case grpc::StatusCode::CANCELLED:
        return MakeError(
            Reason::kHookDispatcherUnreachable,
            absl::StrCat(
                "cannot reach the hook dispatcher at ", address, ": ",
                result.status.error_message(),
                " (is gitops-hook-dispatcher running there, and listening on that address?)"));
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return MakeError(
            Reason::kHookDispatcherUnreachable,
            absl::StrCat("the hook dispatcher at ", address, " does not answer within ",
                         absl::FormatDuration(kListTimeout)));
      default:
        return FromGrpcStatus(result.status);
    }
  }

  const HookCallerOptions options_;
  Mutex mutex_;
  std::shared_ptr<v1::HookDispatcherService::Stub> stub_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<HookCaller>> NewHookCaller(const HookCallerOptions& options) {
  if (options.dispatcher.empty()) return std::make_unique<NoHooks>();
  auto stub = NewStub(options);
  if (!stub.ok()) return stub.status();
  return std::make_unique<GrpcHookCaller>(options, *std::move(stub));
}

}  // namespace gitops
