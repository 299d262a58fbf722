#ifndef GITOPS_SERVICES_PLANNER_RPC_FAKE_DEPLOYMENTS_H_
#define GITOPS_SERVICES_PLANNER_RPC_FAKE_DEPLOYMENTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/clock/timestamp.h"
#include "common/sync/mutex.h"
#include "services/planner/run/deployments.h"

namespace gitops {

// Stores what is begun, and runs nothing: the test writes what happens into the store. Any thread.
class FakeDeployments final : public Deployments {
 public:
  explicit FakeDeployments(DeploymentStore* store) : store_(store) {}

  absl::Status Recover() override { return absl::OkStatus(); }
  absl::StatusOr<v1::Deployment> Begin(NewDeployment deployment) override {
    if (deployment.no_wait && is_locked()) {
      return absl::FailedPreconditionError("web1 is locked by another deployment");
    }
    DeploymentRecord entry;
    v1::Deployment& shown = entry.deployment;
    shown.set_id(deployment.id);
    shown.set_state(v1::DEPLOYMENT_STATE_RUNNING);
    *shown.mutable_create_time() = ToTimestamp(absl::Now());
    *shown.mutable_spec() = deployment.plan.spec();
    shown.set_actor(deployment.actor);
    shown.set_reason(deployment.reason);
    shown.set_rollback_of(deployment.rollback_of);
    shown.set_host_count(deployment.plan.hosts_size());
    *shown.mutable_revisions() = deployment.plan.revisions();
    std::vector<HostRecord> hosts;
    for (const v1::PlannedHost& planned : deployment.plan.hosts()) {
      v1::HostDeployment& host = hosts.emplace_back().host;
      host.set_host(planned.host());
      host.set_wave(planned.wave());
      host.set_state(v1::HOST_DEPLOYMENT_STATE_PENDING);
      *host.mutable_actions() = planned.actions();
    }
    const absl::Status created = store_->Create(entry, hosts, deployment.calls, deployment.also);
    if (!created.ok()) return created;
    MutexLock lock(mutex_);
    begun_.push_back(deployment);
    return shown;
  }
  absl::StatusOr<v1::Deployment> Cancel(const std::string& id, const std::string& actor,
                                        const std::string& reason) override {
    return Note(id, "cancel " + actor + " " + reason);
  }
  absl::StatusOr<v1::Deployment> Resume(const std::string& id, const std::string& actor) override {
    return Note(id, "resume " + actor);
  }
  void LockBroken(const v1::HostLock& lock, const std::string& actor,
                  const std::string& reason) override {
    MutexLock guard(mutex_);
    notes_.push_back("broken " + lock.host() + " " + lock.deployment() + " " + actor + " " +
                     reason);
  }
  std::string Trouble(const std::string& id) override {
    MutexLock lock(mutex_);
    const auto found = troubles_.find(id);
    return found == troubles_.end() ? "" : found->second;
  }
  void Stop() override {}

  // From now on those that do not wait cannot begin.
  void SetLocked() {
    MutexLock lock(mutex_);
    locked_ = true;
  }
  void SetTrouble(const std::string& id, const std::string& trouble) {
    MutexLock lock(mutex_);
    troubles_[id] = trouble;
  }

  std::vector<NewDeployment> begun() {
    MutexLock lock(mutex_);
    return begun_;
  }
  std::vector<std::string> notes() {
    MutexLock lock(mutex_);
    return notes_;
  }

 private:
  absl::StatusOr<v1::Deployment> Note(const std::string& id, const std::string& note) {
    const auto entry = store_->Load(id);
    if (!entry.ok()) return entry.status();
    MutexLock lock(mutex_);
    notes_.push_back(note);
    return entry->deployment;
  }

  bool is_locked() {
    MutexLock lock(mutex_);
    return locked_;
  }

  DeploymentStore* const store_;
  Mutex mutex_;
  bool locked_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<NewDeployment> begun_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> troubles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FAKE_DEPLOYMENTS_H_
