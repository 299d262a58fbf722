#include "services/planner/rpc/deployment_calls.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/rpc/error.h"
#include "common/rpc/request_checks.h"

namespace gitops {
namespace {

constexpr absl::Duration kPlanLife = absl::Hours(24);

absl::Status CheckId(const std::string& id) {
  if (!id.empty()) return absl::OkStatus();
  return InvalidField("id", "no deployment is named");
}

}  // namespace

class DeploymentCalls::Place {
 public:
  explicit Place(DeploymentCalls* calls) : calls_(calls) {}
  ~Place() {
    if (!taken_) return;
    MutexLock lock(calls_->mutex_);
    --calls_->making_;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  absl::Status Take() {
    MutexLock lock(calls_->mutex_);
    const auto unfinished = calls_->options_.store->Unfinished();
    if (!unfinished.ok()) return unfinished.status();
    const int most = calls_->options_.most_deployments;
    if (static_cast<int>(unfinished->size()) + calls_->making_ >= most) {
      return MakeError(
          Reason::kTooManyDeployments,
          absl::StrCat(most, " deployments have not ended; wait for one of them, or cancel one"));
    }
    ++calls_->making_;
    taken_ = true;
    return absl::OkStatus();
  }

 private:
  DeploymentCalls* const calls_;
  bool taken_ = false;
};

absl::Status DeploymentCalls::CheckStarted() const {
  if (started_) return absl::OkStatus();
  return MakeError(
      Reason::kServerStarting,
      "the planner is starting: it takes up the deployments it left first; try again soon");
}

absl::Status DeploymentCalls::CheckBegan(const std::string& id) const {
  const absl::StatusOr<DeploymentRecord> entry = options_.store->Load(id);
  if (!entry.ok()) return entry.status();
  const v1::Deployment& deployment = entry->deployment;
  if (!HasEnded(deployment.state()) || deployment.host_count() > 0) return absl::OkStatus();
  return MakeError(Reason::kNothingToResume,
                   absl::StrCat("deployment ", id, " has no hosts to go on with; begin another"),
                   {{"deployment", id}});
}

absl::StatusOr<v1::Plan> DeploymentCalls::CreatePlan(const v1::DeploymentSpec& spec,
                                                     const CallContext& call) {
  absl::StatusOr<v1::Plan> plan = options_.plans->Make(spec, /*changes=*/false, /*deployment=*/"",
                                                       call.traceparent, nullptr, call.give_up);
  if (!plan.ok()) return plan.status();
  const absl::Time now = options_.clock->Now();
  *plan->mutable_create_time() = ToTimestamp(now);
  *plan->mutable_expire_time() = ToTimestamp(now + kPlanLife);
  absl::StatusOr<std::string> token = options_.store->SavePlan(*plan);
  if (!token.ok()) return token.status();
  plan->set_token(*token);
  return plan;
}

absl::StatusOr<v1::Plan> DeploymentCalls::PlanFor(const v1::CreateDeploymentRequest& request,
                                                  const std::string& id, const CallContext& call,
                                                  std::vector<v1::HookCall>* calls) {
  if (request.has_spec()) {
    return options_.plans->Make(request.spec(), /*changes=*/true, id, call.traceparent, calls,
                                call.give_up);
  }
  const absl::StatusOr<v1::Plan> shown = options_.store->LoadPlan(request.plan_token());
  if (!shown.ok()) return shown.status();
  return options_.plans->Confirm(*shown, id, call.traceparent, calls, call.give_up);
}

absl::StatusOr<v1::Deployment> DeploymentCalls::Create(const v1::CreateDeploymentRequest& request,
                                                       const CallContext& call) {
  if (request.source_case() == v1::CreateDeploymentRequest::SOURCE_NOT_SET) {
    return InvalidField("source", "give a plan's token, or a spec of what is to be done");
  }
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (absl::Status status = CheckStarted(); !status.ok()) return status;
  Place place(this);
  if (absl::Status status = place.Take(); !status.ok()) return status;
  Deployments::NewDeployment deployment;
  deployment.id = options_.store->NewDeploymentId();
  deployment.actor = call.actor;
  deployment.reason = request.reason();
  deployment.traceparent = call.traceparent;
  deployment.no_wait = request.no_wait();
  *deployment.plan.mutable_spec() = request.spec();
  absl::StatusOr<v1::Plan> plan = PlanFor(request, deployment.id, call, &deployment.calls);
  if (!plan.ok()) return KeepCalls(deployment, plan.status());
  deployment.plan = *std::move(plan);
  absl::StatusOr<v1::Deployment> begun = options_.deployments->Begin(deployment);
  if (begun.ok() || options_.store->Load(deployment.id).ok()) return begun;
  return KeepCalls(deployment, begun.status());
}

absl::Status DeploymentCalls::KeepCalls(const Deployments::NewDeployment& deployment,
                                        const absl::Status& why) {
  if (deployment.calls.empty()) return why;
  DeploymentRecord entry;
  v1::Deployment& kept = entry.deployment;
  kept.set_id(deployment.id);
  kept.set_state(v1::DEPLOYMENT_STATE_FAILED);
  kept.set_message(absl::StrCat("it did not begin: ", why.message()));
  *kept.mutable_spec() = deployment.plan.spec();
  *kept.mutable_revisions() = deployment.plan.revisions();
  kept.set_actor(deployment.actor);
  kept.set_reason(deployment.reason);
  *kept.mutable_create_time() = ToTimestamp(options_.clock->Now());
  *kept.mutable_end_time() = kept.create_time();
  entry.traceparent = deployment.traceparent;
  const absl::Status stored = options_.store->Create(entry, {}, deployment.calls);
  if (!stored.ok()) {
    return WithMessage(why,
                       absl::StrCat(why.message(), " (and what its hooks were asked could not be ",
                                    "stored: ", stored.message(), ")"));
  }
  return WithMetadata(WithMessage(why, absl::StrCat(why.message(), " (deployment ", deployment.id,
                                                    " keeps what its hooks were asked)")),
                      {{"deployment", deployment.id}});
}

absl::StatusOr<v1::Deployment> DeploymentCalls::WithHosts(const std::string& id) const {
  absl::StatusOr<DeploymentRecord> record = options_.store->Load(id);
  if (!record.ok()) return record.status();
  absl::StatusOr<std::vector<HostRecord>> hosts = options_.store->LoadHosts(id);
  if (!hosts.ok()) return hosts.status();
  v1::Deployment deployment = std::move(record->deployment);
  for (HostRecord& host : *hosts) *deployment.add_hosts() = std::move(host.host);
  return deployment;
}

absl::StatusOr<v1::Deployment> DeploymentCalls::RollBack(
    const v1::RollbackDeploymentRequest& request, const CallContext& call) {
  if (absl::Status status = CheckId(request.id()); !status.ok()) return status;
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (absl::Status status = CheckStarted(); !status.ok()) return status;
  const absl::StatusOr<v1::Deployment> done = WithHosts(request.id());
  if (!done.ok()) return done.status();
  if (!HasEnded(done->state())) {
    return MakeError(
        Reason::kDeploymentNotEnded,
        absl::StrCat("deployment ", request.id(),
                     " has not ended; cancel it first, and wait until its hosts have stopped"),
        {{"deployment", request.id()}});
  }
  Place place(this);
  if (absl::Status status = place.Take(); !status.ok()) return status;
  absl::StatusOr<v1::Plan> plan = RollbackPlan(*done);
  if (!plan.ok()) return plan.status();
  Deployments::NewDeployment deployment;
  deployment.id = options_.store->NewDeploymentId();
  deployment.plan = *std::move(plan);
  deployment.actor = call.actor;
  deployment.reason = request.reason();
  deployment.rollback_of = request.id();
  deployment.traceparent = call.traceparent;
  return options_.deployments->Begin(std::move(deployment));
}

absl::StatusOr<v1::Deployment> DeploymentCalls::Cancel(const v1::CancelDeploymentRequest& request,
                                                       const CallContext& call) {
  if (absl::Status status = CheckId(request.id()); !status.ok()) return status;
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  if (absl::Status status = CheckStarted(); !status.ok()) return status;
  return options_.deployments->Cancel(request.id(), call.actor, request.reason());
}

absl::StatusOr<v1::Deployment> DeploymentCalls::Resume(const std::string& id,
                                                       const CallContext& call) {
  if (absl::Status status = CheckId(id); !status.ok()) return status;
  if (absl::Status status = CheckStarted(); !status.ok()) return status;
  if (absl::Status status = CheckBegan(id); !status.ok()) return status;
  Place place(this);
  if (absl::Status status = place.Take(); !status.ok()) return status;
  return options_.deployments->Resume(id, call.actor);
}

absl::StatusOr<v1::HostLock> DeploymentCalls::BreakLock(const v1::BreakLockRequest& request,
                                                        const CallContext& call) {
  if (request.host().empty()) return InvalidField("host", "no host is named");
  if (absl::Status status = CheckReason(request.reason()); !status.ok()) return status;
  // Before, nobody would note it in the record of the deployment that is taken up again.
  if (absl::Status status = CheckStarted(); !status.ok()) return status;
  absl::StatusOr<v1::HostLock> lock =
      options_.locks->Break(request.host(), call.actor, request.reason());
  if (lock.ok()) options_.deployments->LockBroken(*lock, call.actor, request.reason());
  return lock;
}

}  // namespace gitops
