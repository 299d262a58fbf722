#include "services/hook_dispatcher/rpc/hook_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/git/url.h"

namespace gitops {
namespace {

using grpc::ServerContext;

// INVALID_ARGUMENT: a result that this version does not know.
absl::StatusOr<HookQuestion> ToQuestion(const v1::DispatchHookRequest& request) {
  if (!v1::StepResult_IsValid(request.result())) {
    return absl::InvalidArgumentError(
        absl::StrCat("result: ", request.result(), " is not ok, failed or skipped"));
  }
  HookQuestion question;
  question.point = request.point();
  for (const v1::HostPayload& host : request.hosts()) {
    question.payload.push_back({host.host(), {host.actions().begin(), host.actions().end()}});
  }
  question.known_hosts = {request.known_hosts().begin(), request.known_hosts().end()};
  question.deployment = request.deployment();
  if (request.result() != v1::STEP_RESULT_UNSPECIFIED) question.result = request.result();
  question.idempotency_key = request.idempotency_key();
  question.traceparent = request.traceparent();
  question.ignore_errors = request.ignore_errors();
  return question;
}

v1::HookMode ModeOf(HookMode mode) {
  switch (mode) {
    case HookMode::kTransform:
      return v1::HOOK_MODE_TRANSFORM;
    case HookMode::kFilter:
      return v1::HOOK_MODE_FILTER;
    case HookMode::kReadOnly:
      return v1::HOOK_MODE_READ_ONLY;
  }
  return v1::HOOK_MODE_UNSPECIFIED;
}

v1::Hook ToProto(const HookSpec& spec) {
  v1::Hook hook;
  hook.set_name(spec.name);
  for (const std::string& point : spec.points) hook.add_points(point);
  hook.set_url(RedactUrl(spec.url));
  hook.set_mode(ModeOf(spec.mode));
  *hook.mutable_timeout() = ToDuration(spec.timeout);
  hook.set_retry_count(spec.retries);
  hook.set_on_error(spec.ignore_errors ? v1::HOOK_ON_ERROR_IGNORE : v1::HOOK_ON_ERROR_STOP);
  hook.set_is_signed(!spec.key.empty());
  return hook;
}

class HookServiceImpl final : public v1::HookDispatcherService::Service {
 public:
  HookServiceImpl(Dispatcher* dispatcher, const RpcGate* gate)
      : dispatcher_(dispatcher), gate_(gate) {}

  grpc::Status DispatchHook(ServerContext* context, const v1::DispatchHookRequest* request,
                            v1::DispatchHookResponse* response) override {
    return gate_->Run(*context, *request, [&]() -> absl::Status {
      const absl::StatusOr<HookQuestion> question = ToQuestion(*request);
      if (!question.ok()) return question.status();
      auto dispatched =
          dispatcher_->Dispatch(*question, [context] { return context->IsCancelled(); });
      if (!dispatched.ok()) return dispatched.status();
      *response = *std::move(dispatched);
      return absl::OkStatus();
    });
  }

  grpc::Status ListHooks(ServerContext* context, const v1::ListHooksRequest* request,
                         v1::ListHooksResponse* response) override {
    return gate_->Run(*context, *request, [&] {
      for (const HookSpec& hook : *dispatcher_->hooks()) *response->add_hooks() = ToProto(hook);
      return absl::OkStatus();
    });
  }

 private:
  Dispatcher* const dispatcher_;
  const RpcGate* const gate_;
};

}  // namespace

std::unique_ptr<v1::HookDispatcherService::Service> NewHookService(Dispatcher* dispatcher,
                                                                   const RpcGate* gate) {
  return std::make_unique<HookServiceImpl>(dispatcher, gate);
}

}  // namespace gitops
