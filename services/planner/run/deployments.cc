#include "services/planner/run/deployments.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"
#include "common/crash/crash_point.h"
#include "common/log/log.h"
#include "common/rpc/error.h"
#include "services/planner/run/deployment_run.h"
#include "services/planner/run/new_entries.h"
#include "services/planner/run/phase_gauges.h"
#include "services/planner/run/rollout_policy.h"
#include "services/planner/run/worker_pool.h"

namespace gitops {
namespace {

// A thread that mostly waits.
constexpr int kMostDeployments = 10'000;

std::string StateText(v1::DeploymentState state) {
  const std::string name = v1::DeploymentState_Name(state);
  constexpr absl::string_view kPrefix = "DEPLOYMENT_STATE_";
  return name.substr(std::min(name.size(), kPrefix.size()));
}

class DeploymentsImpl : public Deployments {
 public:
  explicit DeploymentsImpl(DeploymentsOptions options)
      : options_(std::move(options)),
        gauges_(options_.observer.hosts),
        workers_(std::max(options_.most_parallel, 1)),
        coordinators_(kMostDeployments) {}

  ~DeploymentsImpl() override { Stop(); }

  absl::Status Recover() override;
  absl::StatusOr<v1::Deployment> Begin(NewDeployment deployment) override;
  absl::StatusOr<v1::Deployment> Cancel(const std::string& id, const std::string& actor,
                                        const std::string& reason) override;
  absl::StatusOr<v1::Deployment> Resume(const std::string& id, const std::string& actor) override;
  void LockBroken(const v1::HostLock& lock, const std::string& actor,
                  const std::string& reason) override;
  std::string Trouble(const std::string& id) override {
    const RunPointer run = Find(id);
    return run == nullptr ? "" : run->trouble();
  }
  void Stop() override;

 private:
  using RunPointer = std::shared_ptr<DeploymentRun>;

  RunPointer Find(const std::string& id) {
    MutexLock lock(mutex_);
    const auto found = running_.find(id);
    return found == running_.end() ? nullptr : found->second;
  }
  absl::Status CheckRunning() {
    MutexLock lock(mutex_);
    if (!stopped_) return absl::OkStatus();
    return MakeError(Reason::kServerStopping, "the planner is stopping; ask again when it is back");
  }
  void EndDamaged(DeploymentRecord entry, const absl::Status& damage);
  absl::StatusOr<std::unique_ptr<HeldLocks>> LockAtOnce(const NewDeployment& deployment);
  absl::Status StoreResumed(DeploymentRecord& entry, std::vector<HostRecord>& hosts,
                            const std::string& actor);
  void Launch(DeploymentRecord entry, std::vector<HostRecord> hosts,
              std::unique_ptr<HeldLocks> locks);
  // Waits for the thread of a deployment that has ended: it gives locks back.
  void AwaitGone(const std::string& id);
  void Ended(const std::string& id);

  const DeploymentsOptions options_;
  PhaseGauges gauges_;
  Mutex change_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // one resume or note at a time
  Mutex mutex_;
  CondVar ended_;
  std::map<std::string, RunPointer> running_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
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
             : absl::StrCat("taken over from planner ", before, " by planner ", options_.planner),
        "");
    Launch(std::move(entry), *std::move(hosts), nullptr);
  }
  return absl::OkStatus();
}

// A deployment whose hosts cannot be read would be under way for ever. Its locks end with their
// lease.
void DeploymentsImpl::EndDamaged(DeploymentRecord entry, const absl::Status& damage) {
  const std::string why = absl::StrCat("it cannot be taken up again: ", damage.message());
  const std::string& id = entry.deployment.id();
  LogError("a deployment ends", {{"deployment", id}, {"error", why}});
  entry.deployment.set_state(v1::DEPLOYMENT_STATE_FAILED);
  entry.deployment.set_message(why);
  *entry.deployment.mutable_end_time() = ToTimestamp(options_.clock->Now());
  AddEvent(entry, options_.clock->Now(), why, "");
  if (absl::Status saved = options_.store->Save(entry); !saved.ok()) {
    LogWarning("the end of a deployment cannot be stored",
               {{"deployment", id}, {"error", std::string(saved.message())}});
  }
}

absl::StatusOr<std::unique_ptr<HeldLocks>> DeploymentsImpl::LockAtOnce(
    const NewDeployment& deployment) {
  if (!deployment.no_wait || deployment.plan.hosts().empty()) return nullptr;
  HostLocks::Request request;
  request.deployment = deployment.id;
  request.actor = deployment.actor;
  request.no_wait = true;
  for (const v1::PlannedHost& host : deployment.plan.hosts()) request.hosts.push_back(host.host());
  CrashPoint("planner-before-lock");
  return options_.locks->Acquire(request);
}

absl::StatusOr<v1::Deployment> DeploymentsImpl::Begin(NewDeployment deployment) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  const absl::StatusOr<RolloutPolicy> policy = RolloutPolicyOf(deployment.plan.spec().rollout());
  if (!policy.ok()) return policy.status();
  absl::StatusOr<std::unique_ptr<HeldLocks>> locks = LockAtOnce(deployment);
  if (!locks.ok()) return locks.status();
  DeploymentRecord entry = MakeDeploymentEntry(deployment, options_.planner, options_.clock->Now());
  std::vector<HostRecord> hosts = MakeHostEntries(deployment.plan);
  if (absl::Status status = options_.store->Create(entry, hosts, deployment.calls, deployment.also);
      !status.ok()) {
    if (*locks != nullptr) (void)(*locks)->ReleaseAll();
    return status;
  }
  CrashPoint("planner-after-create");
  v1::Deployment begun = entry.deployment;
  Launch(std::move(entry), std::move(hosts), *std::move(locks));
  return begun;
}

absl::StatusOr<v1::Deployment> DeploymentsImpl::Cancel(const std::string& id,
                                                       const std::string& actor,
                                                       const std::string& reason) {
  if (const RunPointer run = Find(id)) return run->Cancel(actor, reason);
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

absl::StatusOr<v1::Deployment> DeploymentsImpl::Resume(const std::string& id,
                                                       const std::string& actor) {
  if (absl::Status status = CheckRunning(); !status.ok()) return status;
  MutexLock change(change_mutex_);
  absl::StatusOr<DeploymentRecord> entry = options_.store->Load(id);
  if (!entry.ok()) return entry.status();
  if (!HasEnded(entry->deployment.state())) {
    return MakeError(Reason::kDeploymentNotEnded,
                     absl::StrCat("deployment ", id, " cannot be resumed: it has not ended (",
                                  StateText(entry->deployment.state()), ", planner ",
                                  entry->deployment.planner(), ")"),
                     {{"deployment", id}});
  }
  AwaitGone(id);
  absl::StatusOr<std::vector<HostRecord>> hosts = options_.store->LoadHosts(id);
  if (!hosts.ok()) return hosts.status();
  entry->deployment.set_planner(options_.planner);
  if (absl::Status status = StoreResumed(*entry, *hosts, actor); !status.ok()) return status;
  v1::Deployment resumed = entry->deployment;
  Launch(*std::move(entry), *std::move(hosts), nullptr);
  return resumed;
}

// Hosts first: a planner that ends in between leaves a deployment that has ended, and can be
// resumed again.
absl::Status DeploymentsImpl::StoreResumed(DeploymentRecord& entry, std::vector<HostRecord>& hosts,
                                           const std::string& actor) {
  const std::string& id = entry.deployment.id();
  HostPolicy policy;
  policy.hooks = options_.hooks->configured();
  policy.health_checks = !entry.deployment.spec().skip_health_checks();
  policy.pre_deploy_checks = !entry.deployment.spec().skip_pre_deploy_checks();
  int resumed = 0;
  for (size_t i = 0; i < hosts.size(); ++i) {
    absl::StatusOr<bool> changed = ResumeHost(hosts[i], policy);
    if (!changed.ok()) return changed.status();
    const bool pending = hosts[i].host.state() == v1::HOST_DEPLOYMENT_STATE_PENDING;
    if (pending) ++resumed;
    if (!*changed) continue;
    absl::Status status = options_.store->SaveHost(id, static_cast<int>(i), hosts[i], nullptr);
    if (!status.ok()) return status;
  }
  if (resumed == 0) {
    return MakeError(Reason::kNothingToResume,
                     absl::StrCat("deployment ", id, " cannot be resumed: all its hosts are done"),
                     {{"deployment", id}});
  }
  ResumeEntry(entry, options_.clock->Now(), actor);
  return options_.store->Save(entry);
}

void DeploymentsImpl::LockBroken(const v1::HostLock& lock, const std::string& actor,
                                 const std::string& reason) {
  // Not while it is being resumed, which writing what was read before would undo.
  MutexLock change(change_mutex_);
  if (const RunPointer run = Find(lock.deployment())) {
    run->LockBroken(lock, actor, reason);
    return;
  }
  absl::StatusOr<DeploymentRecord> entry = options_.store->Load(lock.deployment());
  // What another planner runs is for it to write.
  if (!entry.ok() || !HasEnded(entry->deployment.state())) return;
  AddEvent(*entry, options_.clock->Now(), LockBrokenText(lock, reason), actor);
  if (absl::Status status = options_.store->Save(*entry); !status.ok()) {
    LogWarning("that a lock was broken is missing in its deployment's record",
               {{"deployment", lock.deployment()}, {"error", std::string(status.message())}});
  }
}

void DeploymentsImpl::Launch(DeploymentRecord entry, std::vector<HostRecord> hosts,
                             std::unique_ptr<HeldLocks> locks) {
  const std::string id = entry.deployment.id();
  DeploymentRun::Parts parts{.options = &options_, .workers = &workers_, .counted = nullptr};
  parts.counted = [this, id](const PhaseCounts& counts) {
    gauges_.Set(id, counts);
    if (options_.observer.queued) options_.observer.queued(workers_.waiting());
  };
  auto run = std::make_shared<DeploymentRun>(std::move(parts), std::move(entry), std::move(hosts),
                                             std::move(locks));
  {
    MutexLock lock(mutex_);
    if (stopped_) return;  // stored: the next process runs it
    running_[id] = run;
  }
  coordinators_.Run([this, id, run = std::move(run)]() mutable {
    run->Run();
    run.reset();
    Ended(id);
  });
}

void DeploymentsImpl::AwaitGone(const std::string& id) {
  MutexLock lock(mutex_);
  while (running_.contains(id)) ended_.Wait(mutex_);
}

void DeploymentsImpl::Ended(const std::string& id) {
  RunPointer run;  // goes without the lock
  MutexLock lock(mutex_);
  const auto found = running_.find(id);
  if (found != running_.end()) run = std::move(found->second);
  running_.erase(id);
  ended_.NotifyAll();
}

void DeploymentsImpl::Stop() {
  std::vector<RunPointer> running;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (const auto& [id, run] : running_) running.push_back(run);
  }
  for (const RunPointer& run : running) run->Stop();
  running.clear();
  MutexLock lock(mutex_);
  while (!running_.empty()) ended_.Wait(mutex_);
}

}  // namespace

std::unique_ptr<Deployments> NewDeployments(DeploymentsOptions options) {
  return std::make_unique<DeploymentsImpl>(std::move(options));
}

}  // namespace gitops
