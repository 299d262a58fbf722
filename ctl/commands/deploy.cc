#include "absl/strings/str_cat.h"
#include "common/rpc/error.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/follow.h"
#include "ctl/failure.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

absl::StatusOr<v1::Plan> PlanOf(FleetContext& context) {
  v1::CreatePlanRequest request;
  *request.mutable_spec() = context.invocation.flags.spec;
  return context.planner.CreatePlan(request);
}

// Shows the plan and asks for confirmation; exactly this plan is then deployed.
absl::Status ConfirmPlan(FleetContext& context, v1::CreateDeploymentRequest& request) {
  const absl::StatusOr<v1::Plan> plan = PlanOf(context);
  if (!plan.ok()) return plan.status();
  const TerminalSize room = context.console.err_size ? context.console.err_size() : TerminalSize{};
  context.console.err << PlanText(
      *plan, {.color = context.color_on_err, .width = static_cast<size_t>(room.columns)});
  request.set_plan_token(plan->token());
  return Confirm(context, absl::StrCat("Deploy to ", plan->hosts_size(),
                                       plan->hosts_size() == 1 ? " host?" : " hosts?"));
}

}  // namespace

absl::StatusOr<ExitCode> MakePlan(FleetContext& context) {
  const absl::StatusOr<v1::Plan> plan = PlanOf(context);
  if (!plan.ok()) return plan.status();
  if (absl::Status s = context.fleet.Plan(*plan); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> Deploy(FleetContext& context) {
  const Flags& flags = context.invocation.flags;
  if (absl::Status s = RequireYesOrTerminal(context); !s.ok()) return s;
  v1::CreateDeploymentRequest request;
  request.set_reason(flags.reason);
  request.set_no_wait(flags.no_wait);
  if (!flags.plan_token.empty()) {
    request.set_plan_token(flags.plan_token);
    const absl::Status confirmed =
        Confirm(context, absl::StrCat("Deploy plan ", EscapeLine(flags.plan_token), "?"));
    if (!confirmed.ok()) return confirmed;
  } else if (flags.yes) {
    *request.mutable_spec() = flags.spec;
  } else if (absl::Status s = ConfirmPlan(context, request); !s.ok()) {
    return s;
  }
  const absl::StatusOr<v1::Deployment> deployment = context.planner.CreateDeployment(request);
  if (HasReason(deployment.status(), Reason::kDeadlineExceeded)) {
    return WithHint(deployment.status(),
                    "it may have started; check with gitopsctl list deployments");
  }
  if (!deployment.ok()) return deployment.status();
  return ShowUnlessDetached(context, *deployment);
}

}  // namespace gitops::ctl
