#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/text/plural.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/diff_content.h"
#include "ctl/commands/follow.h"
#include "ctl/commands/selected.h"
#include "ctl/failure.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"
#include "ctl/output/service_text.h"

namespace gitops::ctl {
namespace {

absl::StatusOr<v1::Plan> PlanOf(FleetContext& context) {
  v1::CreatePlanRequest request;
  *request.mutable_spec() = context.invocation.flags.spec;
  return context.planner.CreatePlan(request);
}

// "0e080e5a \"Raise the limit\"", of the newest commit to which hosts go; empty: not known.
std::string NewestCommit(const v1::Plan& plan) {
  const v1::Commit* newest = nullptr;
  for (const v1::UpstreamRevision& revision : plan.revisions()) {
    if (!revision.has_commit()) continue;
    const auto& time = revision.commit().time();
    if (newest == nullptr || FromTimestamp(newest->time()) < FromTimestamp(time)) {
      newest = &revision.commit();
    }
  }
  if (newest == nullptr) return "";
  return absl::StrCat(ShortHash(newest->hash()), " \"", EscapeLine(newest->subject()), "\"");
}

std::string Question(const v1::Plan& plan) {
  const v1::Rollout& rollout = plan.spec().rollout();
  const char* const on_failure =
      rollout.on_failure() == v1::Rollout::ON_FAILURE_CONTINUE   ? "continue"
      : rollout.on_failure() == v1::Rollout::ON_FAILURE_ROLLBACK ? "roll back"
                                                                 : "stop";
  const std::string commit = NewestCommit(plan);
  return absl::StrCat("Deploy ", EscapeLine(absl::StrJoin(plan.spec().actions(), ", ")), " to ",
                      Counted(plan.hosts_size(), "host"), " in ",
                      Counted(plan.wave_count(), "wave"), ", on failure ", on_failure,
                      commit.empty() ? "" : ", newest commit ", commit, "?");
}

bool MovesNothing(const v1::PlannedHost& host) {
  return host.state() == v1::HOST_STATE_ONLINE && host.will_fail().empty() &&
         std::all_of(host.actions().begin(), host.actions().end(),
                     [](const std::string& action) { return action == "sync"; }) &&
         std::all_of(host.moves().begin(), host.moves().end(), [](const v1::ServiceMove& move) {
           return move.changes_nothing() || move.from_hash() == move.to_hash();
         });
}

// Shows the plan and asks for confirmation, unless nothing would change; exactly this plan is then
// deployed.
absl::Status ConfirmPlan(FleetContext& context, v1::CreateDeploymentRequest& request) {
  const absl::StatusOr<v1::Plan> plan = PlanOf(context);
  if (!plan.ok()) return plan.status();
  const TerminalSize room = context.console.err_size ? context.console.err_size() : TerminalSize{};
  context.console.err << PlanText(
      *plan, {.color = context.color_on_err, .width = static_cast<size_t>(room.columns)});
  request.set_plan_token(plan->token());
  if (std::all_of(plan->hosts().begin(), plan->hosts().end(), MovesNothing)) {
    return absl::OkStatus();
  }
  return Confirm(context, Question(*plan));
}

// What the moves would change, each once: on the first host that does it.
absl::StatusOr<std::vector<PlannedDifference>> DifferencesOf(FleetContext& context,
                                                             const v1::Plan& plan) {
  std::vector<PlannedDifference> differences;
  std::set<std::tuple<std::string, std::string, std::string>> seen;
  for (const v1::PlannedHost& host : plan.hosts()) {
    for (const v1::ServiceMove& move : host.moves()) {
      if (move.changes_nothing() || move.from_hash() == move.to_hash() ||
          !seen.insert({move.service(), move.from_hash(), move.to_hash()}).second) {
        continue;
      }
      v1::DiffServicesRequest request;
      request.mutable_selection()->add_on(LiteralGlob(host.host()));
      request.set_service(move.service());
      request.set_to_hash(move.to_hash());
      PlannerClient::Outcomes outcomes = DiffWithContent(context, request);
      if (!outcomes.ok()) return outcomes.status();
      differences.push_back({move, *std::move(outcomes)});
    }
  }
  return differences;
}

}  // namespace

absl::StatusOr<ExitCode> MakePlan(FleetContext& context) {
  const absl::StatusOr<v1::Plan> plan = PlanOf(context);
  if (!plan.ok()) return plan.status();
  absl::Status shown;
  if (context.invocation.flags.diff) {
    const auto differences = DifferencesOf(context, *plan);
    if (!differences.ok()) return differences.status();
    shown = context.fleet.PlanWithDifferences(*plan, *differences);
  } else {
    shown = context.fleet.Plan(*plan);
  }
  if (!shown.ok()) return shown;
  return plan->will_fail_count() > 0 ? kFailed : kDone;
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
