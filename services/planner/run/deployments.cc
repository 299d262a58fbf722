#include "services/planner/run/deployments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "services/planner/plan/rollback_plan.h"
#include "services/planner/run/deployment_run.h"
#include "services/planner/run/deployment_tally.h"
#include "services/planner/run/new_entries.h"
#include "services/planner/run/running_deployments.h"
#include "services/planner/run/worker_pool.h"
#include "services/planner/wave/waves.h"

namespace gitops {
namespace {

// A thread that mostly waits.
constexpr int kMostDeployments = 10'000;
// A deployment always gets this part of most_parallel, one host at least.
constexpr int kReservedShare = 32;

std::string StateText(v1::DeploymentState state) {
  return std::string(absl::StripPrefix(v1::DeploymentState_Name(state), "DEPLOYMENT_STATE_"));
}

class DeploymentsImpl : public Deployments {
 public:
  explicit DeploymentsImpl(DeploymentsOptions options)
      : options_(std::move(options)),
        gauges_(options_.observer.hosts),
        running_(options_.most_deployments),
        workers_(std::max(options_.most_parallel, 1),
                 /*reserved=*/std::max(options_.most_parallel / kReservedShare, 1)),
        coordinators_(kMostDeployments) {}

  ~DeploymentsImpl() override { Stop(); }

  absl::Status Recover() override;
  absl::StatusOr<v1::Deployment> Begin(const NewDeployment& deployment) override;
  absl::StatusOr<v1::Deployment> RollBack(const std::string& id, NewDeployment back) override;
  absl::StatusOr<v1::Deployment> Cancel(const std::string& id, const Actor& actor,
                                        const std::string& reason) override;
  absl::StatusOr<v1::Deployment> Resume(const std::string& id, const Actor& actor) override;
  absl::StatusOr<v1::HostLock> BreakLock(const std::string& host, const Actor& actor,
                                         const std::string& reason) override;
  void AddNote(const std::string& id, const std::string& message, const Actor& actor) override;
  std::string Trouble(const std::string& id) override {
    const auto run = running_.Find(id);
    return run == nullptr ? "" : run->trouble();
  }
  RunningChecks& running_checks() override { return checks_; }
  void Stop() override { running_.Stop(); }

 private:
  void EndDamaged(DeploymentRecord entry, const absl::Status& damage);
  absl::StatusOr<std::unique_ptr<HeldLocks>> LockAtOnce(const std::string& id,
                                                        const NewDeployment& deployment,
                                                        const v1::Plan& plan);
  absl::Status KeepCalls(DeploymentRecord entry, const std::vector<v1::HookCall>& calls,
                         const absl::Status& why);
  absl::Status StoreResumed(DeploymentRecord& entry, std::vector<HostRecord>& hosts,
                            const Actor& actor);
  void Launch(DeploymentRecord entry, std::vector<HostRecord> hosts,
              std::unique_ptr<HeldLocks> locks);

  const DeploymentsOptions options_;
  PhaseGauges gauges_;
  RunningChecks checks_;
  RunningDeployments running_;
  WorkerPool workers_;
  WorkerPool coordinators_;  // gone before `workers_`, which it uses
};

absl::Status DeploymentsImpl::Recover() {
  absl::StatusOr<std::vector<DeploymentRecord>> unfinished = options_.store->Unfinished();
  if (!unfinished.ok()) return unfinished.status();
  for (DeploymentRecord& entry : *unfinished) {
    const std::string& id = entry.deployment.id();
    const std::string before = entry.deployment.planner();
    const bool ours = before == options_.planner;
    if (!ours && !options_.sole_planner) continue;
    absl::StatusOr<std::vector<HostRecord>> hosts = options_.store->LoadHosts(id);
    if (absl::IsDataLoss(hosts.status())) {
      EndDamaged(std::move(entry), hosts.status());
      continue;
    }
    if (!hosts.ok()) return hosts.status();
    LogInfo("a deployment is taken up again", {{"deployment", id}, {"planner", before}});
    entry.deployment.set_planner(options_.planner);
    AddEvent(
        entry, options_.clock->Now(),
        ours ? absl::StrCat("taken up again by planner ", options_.planner)
             : absl::StrCat("taken over from planner ", before, " by planner ", options_.planner));
    Launch(std::move(entry), *std::move(hosts), nullptr);
  }
  running_.Open();
  return absl::OkStatus();
}

// Ends a deployment whose hosts cannot be read, since it would never end otherwise. Its locks end
// with their lease.
void DeploymentsImpl::EndDamaged(DeploymentRecord entry, const absl::Status& damage) {
  const std::string why = absl::StrCat("it cannot be taken up again: ", damage.message());
  const std::string& id = entry.deployment.id();
  LogError("a deployment ends", {{"deployment", id}, {"error", why}});
  entry.deployment.set_state(v1::DEPLOYMENT_STATE_FAILED);
  entry.deployment.set_message(why);
  *entry.deployment.mutable_end_time() = ToTimestamp(options_.clock->Now());
  AddEvent(entry, options_.clock->Now(), why);
  if (absl::Status saved = options_.store->Save(entry); !saved.ok()) {
    LogWarning("the end of a deployment cannot be stored",
               {{"deployment", id}, {"error", std::string(saved.message())}});
  }
}

absl::StatusOr<std::unique_ptr<HeldLocks>> DeploymentsImpl::LockAtOnce(
    const std::string& id, const NewDeployment& deployment, const v1::Plan& plan) {
  if (!deployment.no_wait || plan.hosts().empty()) return nullptr;
  HostLocks::Request request;
  request.deployment = id;
  request.actor = deployment.actor;
  request.no_wait = true;
  for (const v1::PlannedHost& host : plan.hosts()) request.hosts.push_back(host.host());
  CrashPoint("planner-before-lock");
  return options_.locks->Acquire(request);
}

absl::StatusOr<v1::Deployment> DeploymentsImpl::Begin(const NewDeployment& deployment) {
  const auto place = running_.TakePlace();
  if (!place.ok()) return place.status();
  const std::string id = options_.store->NewDeploymentId();
  std::vector<v1::HookCall> calls;
  absl::StatusOr<v1::Plan> planned = deployment.plan(id, &calls);
  v1::Plan plan;
  *plan.mutable_spec() = deployment.spec;
  if (planned.ok()) plan = *std::move(planned);
  DeploymentRecord entry =
      MakeDeploymentEntry(id, deployment, plan, options_.planner, options_.clock->Now());
  if (!planned.ok()) return KeepCalls(std::move(entry), calls, planned.status());
  const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(plan.spec().rollout());
  if (!policy.ok()) return KeepCalls(std::move(entry), calls, policy.status());
  absl::StatusOr<std::unique_ptr<HeldLocks>> locks = LockAtOnce(id, deployment, plan);
  if (!locks.ok()) return KeepCalls(std::move(entry), calls, locks.status());
  std::vector<HostRecord> hosts = MakeHostEntries(plan);
  const std::vector<StoreWrite> also =
      deployment.also ? deployment.also(id) : std::vector<StoreWrite>();
  if (absl::Status status = options_.store->Create(entry, hosts, calls, also); !status.ok()) {
    if (*locks != nullptr) (void)(*locks)->ReleaseAll();
    return KeepCalls(std::move(entry), calls, status);
  }
  CrashPoint("planner-after-create");
  v1::Deployment begun = entry.deployment;
  Launch(std::move(entry), std::move(hosts), *std::move(locks));
  return begun;
}

// Stores a deployment that did not begin as one that failed, so that the calls of its hooks are
// kept. Returns `why`, with a note about that.
absl::Status DeploymentsImpl::KeepCalls(DeploymentRecord entry,
                                        const std::vector<v1::HookCall>& calls,
                                        const absl::Status& why) {
  if (calls.empty()) return why;
  const v1::Deployment& kept = entry.deployment;
  NotBegun(entry, why);
  const absl::Status stored = options_.store->Create(entry, {}, calls);
  if (!stored.ok()) {
    return WithMessage(why, absl::StrCat(why.message(), " (and the calls of its hooks could not be",
                                         " stored: ", stored.message(), ")"));
  }
  return WithMetadata(WithMessage(why, absl::StrCat(why.message(), " (deployment ", kept.id(),
                                                    " keeps the calls of its hooks)")),
                      {{"deployment", kept.id()}});
}

absl::StatusOr<v1::Deployment> DeploymentsImpl::RollBack(const std::string& id,
                                                         NewDeployment back) {
  absl::StatusOr<DeploymentRecord> done = options_.store->Load(id);
  if (!done.ok()) return done.status();
  if (!HasEnded(done->deployment.state())) {
    return MakeError(
        Reason::kDeploymentNotEnded,
        absl::StrCat("deployment ", id,
                     " has not ended; cancel it first, and wait until its hosts have stopped"),
        {{"deployment", id}});
  }
  back.rollback_of = id;
  back.plan = [&](const std::string&, std::vector<v1::HookCall>*) -> absl::StatusOr<v1::Plan> {
    // Loads the hosts without their steps, of which there may be many.
    absl::StatusOr<std::vector<HostRecord>> hosts = options_.store->LoadHosts(id);
    if (!hosts.ok()) return hosts.status();
    for (HostRecord& host : *hosts) *done->deployment.add_hosts() = std::move(host.host);
    return RollbackPlan(done->deployment);
  };
  return Begin(back);
}

absl::StatusOr<v1::Deployment> DeploymentsImpl::Cancel(const std::string& id, const Actor& actor,
                                                       const std::string& reason) {
  if (absl::Status status = running_.CheckOpen(); !status.ok()) return status;
  const auto claim = running_.Claim(id);
  if (const auto run = running_.Find(id)) {
    absl::StatusOr<v1::Deployment> cancelled = run->Cancel(actor, reason);
    if (!absl::IsFailedPrecondition(cancelled.status())) return cancelled;
  }
  absl::StatusOr<DeploymentRecord> entry = options_.store->Load(id);
  if (!entry.ok()) return entry.status();
  const v1::Deployment& deployment = entry->deployment;
  if (HasEnded(deployment.state())) {
    return MakeError(Reason::kDeploymentEnded,
                     absl::StrCat("deployment ", id, " cannot be cancelled: it has ended ",
                                  StateText(deployment.state())),
                     {{"deployment", id}});
  }
  return absl::FailedPreconditionError(
      absl::StrCat("deployment ", id, " cannot be cancelled here: planner ", deployment.planner(),
                   " runs it; ask that one"));
}

absl::StatusOr<v1::Deployment> DeploymentsImpl::Resume(const std::string& id, const Actor& actor) {
  const auto place = running_.TakePlace();
  if (!place.ok()) return place.status();
  const auto claim = running_.Claim(id);
  absl::StatusOr<DeploymentRecord> entry = options_.store->Load(id);
  if (!entry.ok()) return entry.status();
  if (!HasEnded(entry->deployment.state())) {
    return MakeError(Reason::kDeploymentNotEnded,
                     absl::StrCat("deployment ", id, " cannot be resumed: it has not ended (",
                                  StateText(entry->deployment.state()), ", planner ",
                                  entry->deployment.planner(), ")"),
                     {{"deployment", id}});
  }
  if (entry->deployment.host_count() == 0) {
    return MakeError(Reason::kNothingToResume,
                     absl::StrCat("deployment ", id, " has no hosts; begin another"),
                     {{"deployment", id}});
  }
  running_.AwaitGone(id);
  absl::StatusOr<std::vector<HostRecord>> hosts = options_.store->LoadHosts(id);
  if (!hosts.ok()) return hosts.status();
  entry->deployment.set_planner(options_.planner);
  if (absl::Status status = StoreResumed(*entry, *hosts, actor); !status.ok()) return status;
  v1::Deployment resumed = entry->deployment;
  Launch(*std::move(entry), *std::move(hosts), nullptr);
  return resumed;
}

// Stores the hosts first: if the planner stops in between, the deployment has ended and can be
// resumed again.
absl::Status DeploymentsImpl::StoreResumed(DeploymentRecord& entry, std::vector<HostRecord>& hosts,
                                           const Actor& actor) {
  const std::string& id = entry.deployment.id();
  HostPolicy policy;
  policy.hooks = options_.hooks->configured();
  policy.health_checks = !entry.deployment.spec().skip_health_checks();
  policy.pre_deploy_checks = !entry.deployment.spec().skip_pre_deploy_checks();
  const absl::StatusOr<std::vector<DeploymentStore::Checkpoint>> changes =
      ResumeHosts(hosts, policy);
  if (!changes.ok()) return changes.status();
  const bool resumed = std::any_of(hosts.begin(), hosts.end(), [](const HostRecord& host) {
    return host.host.state() == v1::HOST_DEPLOYMENT_STATE_PENDING;
  });
  if (!resumed) {
    return MakeError(Reason::kNothingToResume,
                     absl::StrCat("deployment ", id, " cannot be resumed: all its hosts are done"),
                     {{"deployment", id}});
  }
  if (absl::Status status = options_.store->SaveHosts(id, *changes); !status.ok()) return status;
  ResumeEntry(entry, options_.clock->Now(), actor);
  return options_.store->Save(entry);
}

absl::StatusOr<v1::HostLock> DeploymentsImpl::BreakLock(const std::string& host, const Actor& actor,
                                                        const std::string& reason) {
  // Before Recover(), the note would be lost, since the deployment does not run yet.
  if (absl::Status status = running_.CheckOpen(); !status.ok()) return status;
  absl::StatusOr<v1::HostLock> lock = options_.locks->Break(host, actor, reason);
  if (lock.ok()) AddNote(lock->deployment(), LockBrokenText(*lock, reason), actor);
  return lock;
}

void DeploymentsImpl::AddNote(const std::string& id, const std::string& message,
                              const Actor& actor) {
  const auto claim = running_.Claim(id);
  if (const auto run = running_.Find(id)) {
    const absl::Status noted = run->AddNote(message, actor);
    if (!absl::IsFailedPrecondition(noted)) return;
  }
  absl::StatusOr<DeploymentRecord> entry = options_.store->Load(id);
  // Another planner writes the record of a deployment that it runs.
  if (!entry.ok() || !HasEnded(entry->deployment.state())) return;
  AddEvent(*entry, options_.clock->Now(), message, actor);
  if (absl::Status status = options_.store->Save(*entry); !status.ok()) {
    LogWarning("an event is missing in its deployment's record",
               {{"deployment", id}, {"event", message}, {"error", std::string(status.message())}});
  }
}

void DeploymentsImpl::Launch(DeploymentRecord entry, std::vector<HostRecord> hosts,
                             std::unique_ptr<HeldLocks> locks) {
  const std::string id = entry.deployment.id();
  DeploymentRun::Parts parts{
      .options = &options_, .workers = &workers_, .checks = &checks_, .counted = nullptr};
  parts.counted = [this, id](const PhaseCounts& counts) {
    gauges_.Set(id, counts);
    if (options_.observer.queued) options_.observer.queued(workers_.waiting());
  };
  auto run = std::make_shared<DeploymentRun>(std::move(parts), std::move(entry), std::move(hosts),
                                             std::move(locks));
  if (!running_.Add(id, run)) return;  // stored: the next process runs it
  coordinators_.Run(id, [this, id, run = std::move(run)]() mutable {
    run->Run();
    run.reset();
    running_.Remove(id);
  });
}

}  // namespace

std::unique_ptr<Deployments> NewDeployments(DeploymentsOptions options) {
  return std::make_unique<DeploymentsImpl>(std::move(options));
}

}  // namespace gitops
