#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "ctl/client/failure.h"
#include "ctl/commands/confirm.h"
#include "ctl/commands/follow.h"
#include "ctl/output/deployment_text.h"
#include "ctl/output/escape.h"

namespace gitops::ctl {
namespace {

using google::protobuf::util::MessageDifferencer;

// The planner has no watch for the list, so it is asked again and again: at least so long after an
// answer, and longer where the list is long, so that it is never busy with that alone.
constexpr absl::Duration kLookAgain = absl::Seconds(1);
constexpr int kPausePerLook = 10;

using Deployments = std::map<std::string, v1::Deployment>;  // by id; ids grow with time

// What differs between two looks, oldest first: a new one is a new last line.
absl::Status ShowChanges(const Deployments& before, const Deployments& now, FleetRenderer& out) {
  for (const auto& [id, deployment] : before) {
    if (now.contains(id)) continue;
    if (absl::Status s = out.DeploymentInList(deployment, /*removed=*/true); !s.ok()) return s;
  }
  for (const auto& [id, deployment] : now) {
    const auto known = before.find(id);
    if (known != before.end() && MessageDifferencer::Equals(known->second, deployment)) continue;
    if (absl::Status s = out.DeploymentInList(deployment, /*removed=*/false); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> WatchList(FleetContext& context) {
  Deployments shown;
  bool begun = false;
  while (context.console.out.good()) {
    const absl::Time asked = absl::Now();
    absl::StatusOr<std::vector<v1::Deployment>> all = context.planner.ListDeployments(context.invocation.flags.filter);
    if (!all.ok()) return all.status();
    const absl::Duration took = absl::Now() - asked;
    Deployments now;
    for (v1::Deployment& deployment : *all) now[deployment.id()] = std::move(deployment);
    if (absl::Status s = ShowChanges(shown, now, context.fleet); !s.ok()) return s;
    shown = std::move(now);
    if (absl::Status s = begun ? absl::OkStatus() : context.fleet.DeploymentListBegun(); !s.ok()) {
      return s;
    }
    begun = true;
    absl::SleepFor(
        std::min(std::max(kLookAgain, took * kPausePerLook), context.planner.Remaining()));
    if (context.planner.Remaining() <= absl::ZeroDuration()) {
      return WatchIsOver();
    }
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
  const absl::StatusOr<std::vector<v1::Deployment>> deployments = context.planner.ListDeployments(context.invocation.flags.filter);
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
  if (!HasEnded(deployment->state())) {
    context.console.err << "gitopsctl: it begins no more hosts; gitopsctl watch deployment "
                        << Id(context) << " shows its end\n";
  }
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
