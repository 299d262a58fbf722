#include "gateway/hooks/hook_routes.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/plan/hook_payload.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"
#include "gateway/front/problem.h"

namespace gitops {
namespace {

// As much as gRPC takes, for a selection of a large fleet.
constexpr size_t kMostPayload = 4 << 20;
constexpr size_t kLongestHeader = 1000;

std::string HeaderText(const HttpServerRequest& request, absl::string_view name) {
  return ValidUtf8(request.Header(name), kLongestHeader);
}

absl::StatusOr<v1::StepResult> ResultOf(const HttpServerRequest& request) {
  const std::string result = HeaderText(request, "X-Gitops-Result");
  if (result.empty()) return v1::STEP_RESULT_UNSPECIFIED;
  if (!IsPostPoint(request.parameters.at("point"))) {
    return InvalidField("X-Gitops-Result", "X-Gitops-Result is for post- points");
  }
  if (result == "ok") return v1::STEP_RESULT_OK;
  if (result == "failed") return v1::STEP_RESULT_FAILED;
  if (result == "skipped") return v1::STEP_RESULT_SKIPPED;
  return InvalidField("X-Gitops-Result", absl::StrCat("X-Gitops-Result is \"", result,
                                                      "\"; use ok, failed or skipped"));
}

// NOT_FOUND: no such point. INVALID_ARGUMENT: the body or a header.
absl::StatusOr<v1::DispatchHookRequest> ReadRequest(const GatewayCaller& caller,
                                                    const HttpServerRequest& request) {
  const std::string& point = request.parameters.at("point");
  if (absl::Status known = CheckHookPoint(point); !known.ok()) {
    return MakeError(Reason::kNotFound, known.message());
  }
  const absl::StatusOr<Payload> payload = DecodePayload(point, request.body);
  if (!payload.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is no payload of ", point, ": ", payload.status().message()));
  }
  const absl::StatusOr<v1::StepResult> result = ResultOf(request);
  if (!result.ok()) return result.status();
  v1::DispatchHookRequest dispatch;
  dispatch.set_point(point);
  for (const HostActions& host : *payload) {
    v1::HostPayload& added = *dispatch.add_hosts();
    added.set_host(host.host);
    added.mutable_actions()->Add(host.actions.begin(), host.actions.end());
  }
  dispatch.set_result(*result);
  dispatch.set_deployment(HeaderText(request, "X-Gitops-Deployment"));
  dispatch.set_idempotency_key(HeaderText(request, "Idempotency-Key"));
  dispatch.set_traceparent(caller.traceparent);
  return dispatch;
}

absl::Status StoppedBy(const v1::HookFailure& failure) {
  return MakeError(Reason::kHookStopped, failure.message(),
                   {{"hook", failure.hook()},
                    {"point", failure.point()},
                    {"http_status", absl::StrCat(failure.http_status())}});
}

absl::StatusOr<std::string> Dispatch(const DispatcherClient& dispatcher,
                                     const KnownHosts& known_hosts, const Caller& service,
                                     v1::DispatchHookRequest request) {
  if (known_hosts != nullptr && IsSelectPoint(request.point())) {
    const auto known = known_hosts(service);
    if (!known.ok()) return known.status();
    request.mutable_known_hosts()->Add(known->begin(), known->end());
  }
  const auto response = dispatcher.For(service).Dispatch(request);
  if (!response.ok()) return response.status();
  if (response->has_failure()) return StoppedBy(response->failure());
  Payload result;
  for (const v1::HostPayload& host : response->hosts()) {
    result.push_back({host.host(), {host.actions().begin(), host.actions().end()}});
  }
  if (!IsSelectPoint(request.point()) && result.size() != 1) {
    return absl::InternalError("the hook dispatcher answered with another number of hosts");
  }
  return EncodePayload(request.point(), result);
}

}  // namespace

std::vector<HttpRoute> HookRoutes(Front* front, const DispatcherClient& dispatcher,
                                  KnownHosts known_hosts) {
  const auto handle = [dispatcher, known_hosts = std::move(known_hosts)](
                          const GatewayCaller& caller, std::unique_ptr<HttpExchange> exchange) {
    absl::StatusOr<v1::DispatchHookRequest> request = ReadRequest(caller, exchange->request());
    if (!request.ok()) return exchange->Respond(ProblemOf(request.status()));
    const auto gone = std::make_shared<std::atomic<bool>>(false);
    exchange->OnCancel([gone] { *gone = true; });
    Caller service = caller.ForService();
    service.give_up = [gone] { return gone->load(); };
    absl::StatusOr<std::string> result =
        Dispatch(dispatcher, known_hosts, service, *std::move(request));
    if (!result.ok()) return exchange->Respond(ProblemOf(result.status()));
    exchange->Respond({.body = *std::move(result), .content_type = "application/json"});
  };
  return {{.method = "POST",
           .path = "/hooks/{point}",
           .handler = front->Guard(Access::kOperator, CallLimit().Limit(handle)),
           .in_pool = true,
           .max_body = kMostPayload}};
}

}  // namespace gitops
