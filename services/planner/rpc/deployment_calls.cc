#include "services/planner/rpc/deployment_calls.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"
#include "services/planner/plan/check_spec.h"
#include "services/planner/rpc/deployment_reads.h"

namespace gitops {
namespace {

constexpr absl::Duration kPlanLife = absl::Hours(24);

absl::Status CheckTest(const HookCaller& hooks, const v1::TestHooksRequest& request) {
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

HostGrants DeploymentCalls::GrantsOf(const CallContext& call) const {
  return HostGrants(options_.grants, options_.fleet, call.caller);
}

absl::Status DeploymentCalls::CheckGrants(const std::string& id, const std::string& action,
                                          const CallContext& call) const {
  return GrantsOf(call).CheckDeployment(*options_.store, id, action);
}

absl::StatusOr<v1::Plan> DeploymentCalls::CreatePlan(const v1::CreatePlanRequest& request,
                                                     const CallContext& call) {
  const auto claim = options_.request_ids->Enter(PrincipalKey(call.caller), request, call.give_up);
  if (!claim.ok()) return claim.status();
  if (!(*claim)->made().empty()) {
    absl::StatusOr<v1::Plan> made = options_.store->LoadPlan((*claim)->made());
    // If it was removed for newer plans, it is made again.
    if (!absl::IsNotFound(made.status())) return made;
  }
  absl::StatusOr<v1::Plan> plan =
      options_.plans->Make(request.spec(), /*changes=*/false,
                           {.traceparent = call.traceparent, .give_up = call.give_up});
  if (!plan.ok()) return plan.status();
  if (absl::Status allowed = GrantsOf(call).CheckPlan(*plan); !allowed.ok()) return allowed;
  const absl::Time now = options_.clock->Now();
  *plan->mutable_create_time() = ToTimestamp(now);
  *plan->mutable_expire_time() = ToTimestamp(now + kPlanLife);
  absl::StatusOr<std::string> token = options_.store->SavePlan(
      *plan, [&](const std::string& made) { return (*claim)->Record(made); });
  if (!token.ok()) return token.status();
  (*claim)->Stored();
  plan->set_token(*token);
  return plan;
}

template <typename Request>
absl::StatusOr<v1::Deployment> DeploymentCalls::BeginOnce(
    const Request& request, const CallContext& call,
    const std::function<absl::StatusOr<v1::Deployment>(Deployments::NewDeployment)>& begin) {
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  const auto claim = options_.request_ids->Enter(PrincipalKey(call.caller), request, call.give_up);
  if (!claim.ok()) return claim.status();
  if (!(*claim)->made().empty()) {
    absl::StatusOr<DeploymentRecord> record = options_.store->Load((*claim)->made());
    if (!record.ok()) return record.status();
    return std::move(record->deployment);
  }
  Deployments::NewDeployment deployment;
  deployment.actor = call.caller;
  deployment.reason = request.reason();
  deployment.traceparent = call.traceparent;
  deployment.also = [&](const std::string& id) { return (*claim)->Record(id); };
  absl::StatusOr<v1::Deployment> begun = begin(std::move(deployment));
  if (begun.ok()) (*claim)->Stored();
  return begun;
}

absl::StatusOr<v1::Deployment> DeploymentCalls::Create(const v1::CreateDeploymentRequest& request,
                                                       const CallContext& call) {
  if (request.source_case() == v1::CreateDeploymentRequest::SOURCE_NOT_SET) {
    return InvalidField("source", "give a plan's token, or a spec of what is to be done");
  }
  return BeginOnce(
      request, call, [&](Deployments::NewDeployment deployment) -> absl::StatusOr<v1::Deployment> {
        v1::Plan shown;
        *shown.mutable_spec() = request.spec();
        if (!request.has_spec()) {
          absl::StatusOr<v1::Plan> stored = options_.store->LoadPlan(request.plan_token());
          if (!stored.ok()) return stored.status();
          shown = *std::move(stored);
        }
        deployment.no_wait = request.no_wait();
        deployment.spec = shown.spec();
        deployment.plan = [&](const std::string& id,
                              std::vector<v1::HookCall>* calls) -> absl::StatusOr<v1::Plan> {
          const PlanContext context{id, call.traceparent, calls, call.give_up};
          absl::StatusOr<v1::Plan> plan =
              request.has_spec() ? options_.plans->Make(shown.spec(), /*changes=*/true, context)
                                 : options_.plans->Confirm(shown, context);
          // Only now: select hooks may add hosts and actions.
          const absl::Status allowed =
              plan.ok() ? GrantsOf(call).CheckPlan(*plan) : absl::OkStatus();
          return allowed.ok() ? std::move(plan) : allowed;
        };
        return options_.deployments->Begin(deployment);
      });
}

absl::StatusOr<v1::Deployment> DeploymentCalls::RollBack(
    const v1::RollbackDeploymentRequest& request, const CallContext& call) {
  if (absl::Status status = CheckDeploymentId(request.id()); !status.ok()) return status;
  if (absl::Status allowed = CheckGrants(request.id(), "rollback", call); !allowed.ok()) {
    return allowed;
  }
  return BeginOnce(request, call, [&](Deployments::NewDeployment back) {
    return options_.deployments->RollBack(request.id(), std::move(back));
  });
}

absl::StatusOr<v1::Deployment> DeploymentCalls::Cancel(const v1::CancelDeploymentRequest& request,
                                                       const CallContext& call) {
  if (absl::Status status = CheckDeploymentId(request.id()); !status.ok()) return status;
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (absl::Status allowed = CheckGrants(request.id(), "cancel", call); !allowed.ok()) {
    return allowed;
  }
  return options_.deployments->Cancel(request.id(), call.caller, request.reason());
}

absl::StatusOr<v1::Deployment> DeploymentCalls::Resume(const v1::ResumeDeploymentRequest& request,
                                                       const CallContext& call) {
  if (absl::Status status = CheckDeploymentId(request.id()); !status.ok()) return status;
  if (absl::Status allowed = CheckGrants(request.id(), "resume", call); !allowed.ok()) {
    return allowed;
  }
  return options_.deployments->Resume(request.id(), call.caller);
}

absl::StatusOr<v1::HostLock> DeploymentCalls::BreakLock(const v1::BreakLockRequest& request,
                                                        const CallContext& call) {
  if (request.host().empty()) return InvalidField("host", "no host is named");
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  const absl::Status allowed = GrantsOf(call).Check(request.host(), {"break-lock"});
  if (!allowed.ok()) return allowed;
  return options_.deployments->BreakLock(request.host(), call.caller, request.reason());
}

absl::StatusOr<v1::TestHooksResponse> DeploymentCalls::TestHooks(
    const v1::TestHooksRequest& request, const CallContext& call) {
  if (absl::Status status = CheckTest(*options_.hooks, request); !status.ok()) return status;
  const absl::Time deadline =
      options_.clock->Now() + DurationOr(request.timeout(), absl::InfiniteDuration());
  const auto late = [&] { return options_.clock->Now() >= deadline; };
  absl::StatusOr<v1::DispatchHookResponse> answer =
      options_.hooks->Dispatch(ToDispatch(*options_.fleet, request, call.traceparent),
                               [&] { return call.give_up() || late(); });
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
