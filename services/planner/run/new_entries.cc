#include "services/planner/run/new_entries.h"

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "services/planner/record/progress_codec.h"
#include "services/planner/run/deployment_run.h"
#include "services/planner/step/step_machine.h"

namespace gitops {
namespace {

// False: there was nothing to change.
absl::StatusOr<bool> ResumeHost(HostRecord& entry, const HostPolicy& policy) {
  v1::HostDeployment& host = entry.host;
  const v1::HostDeploymentState state = host.state();
  if (state == v1::HOST_DEPLOYMENT_STATE_PENDING || state == v1::HOST_DEPLOYMENT_STATE_SUCCEEDED ||
      state == v1::HOST_DEPLOYMENT_STATE_SKIPPED) {
    return false;
  }
  absl::StatusOr<HostProgress> progress = DecodeProgress(entry.progress);
  if (!progress.ok()) return progress.status();
  const bool was_brought_back = entry.rolling_back ||
                                state == v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK ||
                                state == v1::HOST_DEPLOYMENT_STATE_ROLLBACK_FAILED;
  if (was_brought_back) {
    // It begins anew, but the numbers of steps and operations continue.
    HostProgress anew;
    anew.remaining.assign(host.actions().begin(), host.actions().end());
    anew.steps = progress->steps;
    anew.moves = progress->moves;
    *progress = std::move(anew);
  }
  // A host that never began keeps its progress.
  if (progress->steps > 0) *progress = Resumed(*std::move(progress), policy);
  EncodeProgress(*progress, entry.progress);
  host.mutable_remaining_actions()->Assign(progress->remaining.begin(), progress->remaining.end());
  host.set_state(v1::HOST_DEPLOYMENT_STATE_PENDING);
  host.clear_message();
  host.clear_end_time();
  entry.rolling_back = false;
  return true;
}

}  // namespace

DeploymentRecord MakeDeploymentEntry(const std::string& id,
                                     const Deployments::NewDeployment& deployment,
                                     const v1::Plan& plan, const std::string& planner,
                                     absl::Time now) {
  DeploymentRecord entry;
  v1::Deployment& made = entry.deployment;
  made.set_id(id);
  made.set_state(v1::DEPLOYMENT_STATE_PENDING);
  *made.mutable_spec() = plan.spec();
  WriteActor(deployment.actor, made);
  made.set_reason(deployment.reason);
  *made.mutable_create_time() = ToTimestamp(now);
  made.set_wave_count(plan.wave_count());
  made.set_host_count(plan.hosts_size());
  *made.mutable_revisions() = plan.revisions();
  made.set_rollback_of(deployment.rollback_of);
  made.set_planner(planner);
  entry.state.set_traceparent(deployment.traceparent);
  return entry;
}

std::vector<HostRecord> MakeHostEntries(const v1::Plan& plan) {
  std::vector<HostRecord> hosts;
  hosts.reserve(plan.hosts_size());
  for (const v1::PlannedHost& planned : plan.hosts()) {
    HostRecord entry;
    v1::HostDeployment& host = entry.host;
    host.set_host(planned.host());
    host.set_address(planned.address());
    host.set_wave(planned.wave());
    host.set_state(v1::HOST_DEPLOYMENT_STATE_PENDING);
    *host.mutable_actions() = planned.actions();
    *host.mutable_remaining_actions() = planned.actions();
    HostProgress progress;
    progress.remaining.assign(planned.actions().begin(), planned.actions().end());
    EncodeProgress(progress, entry.progress);
    entry.revisions = planned.revisions();
    hosts.push_back(std::move(entry));
  }
  return hosts;
}

void NotBegun(DeploymentRecord& entry, const absl::Status& why) {
  v1::Deployment& deployment = entry.deployment;
  deployment.set_state(v1::DEPLOYMENT_STATE_FAILED);
  deployment.set_message(absl::StrCat("it did not begin: ", why.message()));
  *deployment.mutable_end_time() = deployment.create_time();
  deployment.clear_host_count();
  deployment.clear_wave_count();
}

absl::StatusOr<std::vector<DeploymentStore::Checkpoint>> ResumeHosts(std::vector<HostRecord>& hosts,
                                                                     const HostPolicy& policy) {
  std::vector<DeploymentStore::Checkpoint> changes;
  for (size_t i = 0; i < hosts.size(); ++i) {
    absl::StatusOr<bool> changed = ResumeHost(hosts[i], policy);
    if (!changed.ok()) return changed.status();
    if (*changed) changes.push_back({.index = static_cast<int>(i), .host = &hosts[i]});
  }
  return changes;
}

void ResumeEntry(DeploymentRecord& entry, absl::Time now, const Actor& actor) {
  entry.state.clear_cancel_requested();
  entry.state.clear_halt_reason();
  entry.state.clear_pause_until();
  entry.state.clear_rollback_wave();
  entry.state.clear_rollback_reason();
  entry.state.clear_catch_up_until();
  v1::Deployment& deployment = entry.deployment;
  deployment.set_state(v1::DEPLOYMENT_STATE_PENDING);
  deployment.clear_message();
  deployment.clear_end_time();
  AddEvent(entry, now, "resumed", actor);
}

std::string LockBrokenText(const v1::HostLock& lock, const std::string& reason) {
  return absl::StrCat("the lock of host ", lock.host(), " was broken", reason.empty() ? "" : ": ",
                      reason);
}

}  // namespace gitops
