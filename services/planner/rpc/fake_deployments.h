#ifndef GITOPS_SERVICES_PLANNER_RPC_FAKE_DEPLOYMENTS_H_
#define GITOPS_SERVICES_PLANNER_RPC_FAKE_DEPLOYMENTS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/sync/mutex.h"
#include "services/planner/run/deployments.h"
#include "services/planner/run/new_entries.h"

namespace gitops {

// Stores what is begun, and runs nothing: the test writes what happens into the store. Any thread.
class FakeDeployments final : public Deployments {
 public:
  explicit FakeDeployments(DeploymentStore* store) : store_(store) {}

  absl::Status Recover() override { return absl::OkStatus(); }
  absl::StatusOr<v1::Deployment> Begin(const NewDeployment& deployment) override {
    Begun begun{.id = store_->NewDeploymentId(), .deployment = deployment, .plan = {}, .calls = {}};
    absl::StatusOr<v1::Plan> plan = deployment.plan(begun.id, &begun.calls);
    if (plan.ok()) {
      begun.plan = *plan;
      DeploymentRecord entry =
          MakeDeploymentEntry(begun.id, deployment, *plan, "planner", absl::Now());
      entry.deployment.set_state(v1::DEPLOYMENT_STATE_RUNNING);
      const absl::Status created =
          store_->Create(entry, MakeHostEntries(*plan), begun.calls, deployment.also(begun.id));
      if (!created.ok()) return created;
      MutexLock lock(mutex_);
      begun_.push_back(std::move(begun));
      return entry.deployment;
    }
    MutexLock lock(mutex_);
    not_begun_.push_back(std::move(begun));
    return plan.status();
  }
  absl::StatusOr<v1::Deployment> RollBack(const std::string& id, NewDeployment back) override {
    back.rollback_of = id;
    back.plan = [](const std::string&, std::vector<v1::HookCall>*) { return v1::Plan(); };
    return Begin(back);
  }
  absl::StatusOr<v1::Deployment> Cancel(const std::string& id, const Actor& actor,
                                        const std::string& reason) override {
    return Note(id, "cancel " + actor.text() + " " + reason);
  }
  absl::StatusOr<v1::Deployment> Resume(const std::string& id, const Actor& actor) override {
    return Note(id, "resume " + actor.text());
  }
  absl::StatusOr<v1::HostLock> BreakLock(const std::string& host, const Actor& actor,
                                         const std::string& reason) override {
    MutexLock lock(mutex_);
    notes_.push_back("break " + host + " " + actor.text() + " " + reason);
    v1::HostLock broken;
    broken.set_host(host);
    return broken;
  }
  void AddNote(const std::string& id, const std::string& message, const Actor& actor) override {
    MutexLock lock(mutex_);
    notes_.push_back("note " + id + " " + actor.text() + " " + message);
  }
  std::string Trouble(const std::string& id) override {
    MutexLock lock(mutex_);
    const auto found = troubles_.find(id);
    return found == troubles_.end() ? "" : found->second;
  }
  RunningChecks& running_checks() override { return checks_; }
  void Stop() override {}

  void SetTrouble(const std::string& id, const std::string& trouble) {
    MutexLock lock(mutex_);
    troubles_[id] = trouble;
  }

  struct Begun {
    std::string id;
    NewDeployment deployment;  // its functions can no longer be called
    v1::Plan plan;
    std::vector<v1::HookCall> calls;
  };
  std::vector<Begun> begun() {
    MutexLock lock(mutex_);
    return begun_;
  }
  // Those that could not be planned.
  std::vector<Begun> not_begun() {
    MutexLock lock(mutex_);
    return not_begun_;
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

  DeploymentStore* const store_;
  RunningChecks checks_;
  Mutex mutex_;
  std::vector<Begun> begun_ ABSL_GUARDED_BY(mutex_), not_begun_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> troubles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_RPC_FAKE_DEPLOYMENTS_H_
