#include <vector>

#include "absl/strings/str_cat.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/follow.h"
#include "ctl/commands/patience.h"
#include "ctl/commands/selected.h"
#include "ctl/failure.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

absl::StatusOr<ExitCode> WatchList(FleetContext& context) {
  v1::WatchDeploymentsRequest request;
  *request.mutable_filter() = context.invocation.flags.filter;
  absl::Status printed;
  const auto show = [&](const v1::WatchDeploymentsResponse& update) {
    if (update.has_deployment()) {
      printed = context.fleet.DeploymentInList(update.deployment(), update.removed());
    }
    if (printed.ok() && update.initial_done()) printed = context.fleet.DeploymentListBegun();
    // A reader that has gone (`| head`) ends the watch.
    return printed.ok() && context.console.out.good();
  };
  const absl::Status watched =
      WatchPatiently({.server = "planner",
                      .err = context.console.err,
                      .watch =
                          [&](bool& answered) {
                            return context.planner.WatchDeployments(
                                request, [&](const v1::WatchDeploymentsResponse& update) {
                                  answered = true;
                                  return show(update);
                                });
                          },
                      .restart = [&] { context.fleet.RestartWatch(); }});
  return EndOfWatch(printed, watched);
}

std::string Id(const FleetContext& context) { return EscapeLine(context.argument(0)); }

absl::StatusOr<ExitCode> ShowRecord(FleetContext& context, FleetRenderer& renderer) {
  const absl::StatusOr<std::string> id = DeploymentId(context);
  if (!id.ok()) return id.status();
  const absl::StatusOr<v1::Deployment> deployment = context.planner.GetDeployment(*id);
  if (!deployment.ok()) return deployment.status();
  if (absl::Status s = renderer.Deployment(*deployment); !s.ok()) return s;
  return kDone;
}

}  // namespace

absl::StatusOr<ExitCode> ShowUnlessDetached(FleetContext& context,
                                            const v1::Deployment& deployment) {
  if (!context.invocation.flags.detach) return ShowToItsEnd(context, deployment.id(), false);
  if (absl::Status s = context.fleet.DeploymentNow(deployment); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListDeployments(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchList(context);
  const absl::StatusOr<std::vector<v1::Deployment>> deployments =
      context.planner.ListDeployments(context.invocation.flags.filter);
  if (!deployments.ok()) return deployments.status();
  if (absl::Status s = context.fleet.Deployments(*deployments); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> GetDeployment(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchDeployment(context);
  return ShowRecord(context, context.fleet);
}

absl::StatusOr<ExitCode> DescribeDeployment(FleetContext& context) {
  if (context.invocation.flags.output != OutputForm::kTable) return GetDeployment(context);
  RenderOptions options;
  options.form = OutputForm::kWide;
  options.color = context.color_on_out;
  return ShowRecord(context, *MakeFleetRenderer(options, context.console.out));
}

absl::StatusOr<ExitCode> WatchDeployment(FleetContext& context) {
  const absl::StatusOr<std::string> id = DeploymentId(context);
  if (!id.ok()) return id.status();
  return ShowToItsEnd(context, *id, true);
}

absl::StatusOr<ExitCode> CancelDeployment(FleetContext& context) {
  if (absl::Status s = RequireYesOrTerminal(context); !s.ok()) return s;
  const absl::StatusOr<std::string> id = DeploymentId(context);
  if (!id.ok()) return id.status();
  const absl::Status confirmed =
      Confirm(context, absl::StrCat("Cancel deployment ", EscapeLine(*id), "?"));
  if (!confirmed.ok()) return confirmed;
  const absl::StatusOr<v1::Deployment> deployment =
      context.planner.CancelDeployment(*id, context.invocation.flags.reason);
  if (!deployment.ok()) return deployment.status();
  if (absl::Status s = context.fleet.DeploymentNow(*deployment); !s.ok()) return s;
  if (!HasEnded(deployment->state())) {
    context.console.err << "gitopsctl: it starts no more hosts; gitopsctl watch deployment "
                        << EscapeLine(*id) << " follows it to its end\n";
  }
  return kDone;
}

absl::StatusOr<ExitCode> ResumeDeployment(FleetContext& context) {
  const absl::StatusOr<std::string> id = DeploymentId(context);
  if (!id.ok()) return id.status();
  const absl::StatusOr<v1::Deployment> deployment = context.planner.ResumeDeployment(*id);
  if (!deployment.ok()) return deployment.status();
  return ShowUnlessDetached(context, *deployment);
}

absl::StatusOr<ExitCode> RollbackDeployment(FleetContext& context) {
  if (absl::Status s = RequireYesOrTerminal(context); !s.ok()) return s;
  const absl::StatusOr<std::string> id = DeploymentId(context);
  if (!id.ok()) return id.status();
  const absl::Status confirmed = Confirm(
      context, absl::StrCat("Restore the services to their revisions from before deployment ",
                            EscapeLine(*id), "?"));
  if (!confirmed.ok()) return confirmed;
  v1::RollbackDeploymentRequest request;
  request.set_id(*id);
  request.set_reason(context.invocation.flags.reason);
  const absl::StatusOr<v1::Deployment> deployment = context.planner.RollbackDeployment(request);
  if (!deployment.ok()) return deployment.status();
  return ShowUnlessDetached(context, *deployment);
}

absl::StatusOr<ExitCode> BreakLock(FleetContext& context) {
  const absl::Status confirmed = Confirm(
      context, absl::StrCat("Break the lock of ", Id(context),
                            "? The deployment that holds it will not change this host any more."));
  if (!confirmed.ok()) return confirmed;
  const absl::StatusOr<v1::HostLock> lock =
      context.planner.BreakLock(context.argument(0), context.invocation.flags.reason);
  if (!lock.ok()) return lock.status();
  if (absl::Status s = context.fleet.BrokenLock(*lock); !s.ok()) return s;
  return kDone;
}

}  // namespace gitops::ctl
