#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "ctl/client/failure.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/follow.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

// The planner has no watch for the list.
constexpr absl::Duration kLookAgain = absl::Seconds(1);

absl::StatusOr<ExitCode> WatchList(FleetContext& context) {
  std::map<std::string, std::string> shown;  // serialized, by id
  bool started = false;
  while (context.console.out.good()) {
    const absl::StatusOr<std::vector<v1::Deployment>> all = context.planner.ListDeployments();
    if (!all.ok()) return all.status();
    // Oldest first: a new one is a new last line.
    for (auto it = all->rbegin(); it != all->rend(); ++it) {
      std::string now = it->SerializeAsString();
      std::string& before = shown[it->id()];
      if (before == now) continue;
      before = std::move(now);
      if (absl::Status s = context.fleet.DeploymentInList(*it, false); !s.ok()) return s;
    }
    if (!started) {
      const absl::Status s = context.fleet.DeploymentInList(v1::Deployment(), true);
      if (!s.ok()) return s;
    }
    started = true;
    if (context.planner.Remaining() < kLookAgain) {
      return absl::DeadlineExceededError("the watch is over, as --timeout says");
    }
    absl::SleepFor(kLookAgain);
  }
  return kDone;
}

std::string Id(const FleetContext& context) { return EscapeLine(context.argument(0)); }

}  // namespace

absl::StatusOr<ExitCode> ShowUnlessDetached(FleetContext& context,
                                            const v1::Deployment& deployment) {
  if (!context.invocation.flags.detach) return ShowToItsEnd(context, deployment.id(), false);
  if (absl::Status s = context.fleet.DeploymentNow(deployment); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ListDeployments(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchList(context);
  const absl::StatusOr<std::vector<v1::Deployment>> deployments = context.planner.ListDeployments();
  if (!deployments.ok()) return deployments.status();
  if (absl::Status s = context.fleet.Deployments(*deployments); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> GetDeployment(FleetContext& context) {
  if (context.invocation.flags.watch) return WatchDeployment(context);
  const absl::StatusOr<v1::Deployment> deployment =
      context.planner.GetDeployment(context.argument(0));
  if (!deployment.ok()) return deployment.status();
  if (absl::Status s = context.fleet.Deployment(*deployment); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> WatchDeployment(FleetContext& context) {
  return ShowToItsEnd(context, context.argument(0), true);
}

absl::StatusOr<ExitCode> CancelDeployment(FleetContext& context) {
  const absl::Status confirmed =
      Confirm(context, absl::StrCat("Cancel deployment ", Id(context), "?"));
  if (!confirmed.ok()) return confirmed;
  const absl::StatusOr<v1::Deployment> deployment =
      context.planner.CancelDeployment(context.argument(0), context.invocation.flags.reason);
  if (!deployment.ok()) return deployment.status();
  if (absl::Status s = context.fleet.DeploymentNow(*deployment); !s.ok()) return s;
  return kDone;
}

absl::StatusOr<ExitCode> ResumeDeployment(FleetContext& context) {
  const absl::StatusOr<v1::Deployment> deployment =
      context.planner.ResumeDeployment(context.argument(0));
  if (!deployment.ok()) return deployment.status();
  return ShowUnlessDetached(context, *deployment);
}

absl::StatusOr<ExitCode> RollbackDeployment(FleetContext& context) {
  const absl::Status confirmed = Confirm(
      context,
      absl::StrCat("Bring services back to what they were before deployment ", Id(context), "?"));
  if (!confirmed.ok()) return confirmed;
  const absl::StatusOr<v1::Deployment> deployment =
      context.planner.RollbackDeployment(context.argument(0), context.invocation.flags.reason);
  if (!deployment.ok()) return deployment.status();
  return ShowUnlessDetached(context, *deployment);
}

absl::StatusOr<ExitCode> BreakLock(FleetContext& context) {
  const absl::Status confirmed = Confirm(
      context, absl::StrCat("Break the lock of ", Id(context),
                            "? The deployment that holds it changes nothing there any more."));
  if (!confirmed.ok()) return confirmed;
  const absl::StatusOr<v1::HostLock> lock =
      context.planner.BreakLock(context.argument(0), context.invocation.flags.reason);
  if (!lock.ok()) return lock.status();
  if (absl::Status s = context.fleet.BrokenLock(*lock); !s.ok()) return s;
  return kDone;
}

}  // namespace gitops::ctl
