#include "services/planner/rpc/hook_calls.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"
#include "services/planner/plan/check_spec.h"

namespace gitops {
namespace {

absl::Status Check(const HookCaller& hooks, const v1::TestHooksRequest& request) {
  if (absl::Status status = CheckHookPoint(request.point()); !status.ok()) return status;
  if (absl::Status status = CheckDuration("timeout", request.timeout()); !status.ok()) {
    return status;
  }
  if (hooks.configured()) return absl::OkStatus();
  return MakeError(Reason::kNoHookDispatcher,
                   "this planner has no hook dispatcher; start it with --hook-dispatcher ADDR");
}

v1::DispatchHookRequest ToDispatch(const Fleet& fleet, const v1::TestHooksRequest& request,
                                   const std::string& traceparent) {
  v1::DispatchHookRequest dispatch;
  dispatch.set_point(request.point());
  *dispatch.mutable_hosts() = request.hosts();
  if (IsSelectPoint(request.point())) {
    for (const auto& host : fleet.Hosts()) dispatch.add_known_hosts(host->host.host());
  }
  if (IsPostPoint(request.point())) {
    dispatch.set_result(request.result() == v1::STEP_RESULT_UNSPECIFIED ? v1::STEP_RESULT_OK
                                                                        : request.result());
  }
  // The trace id is unique enough for a test.
  dispatch.set_idempotency_key(absl::StrCat("test-", traceparent, "//0/", request.point()));
  dispatch.set_traceparent(traceparent);
  return dispatch;
}

}  // namespace

absl::StatusOr<v1::TestHooksResponse> TestHooks(HookCaller& hooks, const Fleet& fleet, Clock& clock,
                                                const v1::TestHooksRequest& request,
                                                const std::string& traceparent,
                                                const std::function<bool()>& give_up) {
  if (absl::Status status = Check(hooks, request); !status.ok()) return status;
  const absl::Time deadline = clock.Now() + DurationOr(request.timeout(), absl::InfiniteDuration());
  const auto late = [&] { return clock.Now() >= deadline; };
  absl::StatusOr<v1::DispatchHookResponse> answer =
      hooks.Dispatch(ToDispatch(fleet, request, traceparent), [&] { return give_up() || late(); });
  if (absl::IsCancelled(answer.status()) && late()) {
    return absl::DeadlineExceededError(
        absl::StrCat("the hooks at ", request.point(), " did not answer within the timeout"));
  }
  if (!answer.ok()) return answer.status();
  v1::TestHooksResponse response;
  *response.mutable_hosts() = std::move(*answer->mutable_hosts());
  *response.mutable_calls() = std::move(*answer->mutable_calls());
  if (answer->has_failure()) *response.mutable_failure() = std::move(*answer->mutable_failure());
  return response;
}

}  // namespace gitops
