#ifndef GITOPS_SERVICES_PLANNER_PLAN_PLAN_TEST_BASE_H_
#define GITOPS_SERVICES_PLANNER_PLAN_PLAN_TEST_BASE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/fake_clock.h"
#include "common/sync/mutex.h"
#include "services/planner/plan/fake_fleet.h"
#include "services/planner/plan/plan_maker.h"
#include "services/planner/testing/fake_hook_caller.h"

namespace gitops {

// Agents that can only tell revisions, each as the test says; others do not answer. Any thread.
class FakeResolvers final : public RevisionResolver {
 public:
  using Answer = std::function<absl::StatusOr<std::string>(const v1::ResolveRevisionRequest&)>;

  void Set(const std::string& address, Answer answer) {
    MutexLock lock(mutex_);
    answers_[address] = std::move(answer);
  }
  void SetTip(const std::string& address, const std::string& hash) {
    Set(address, [hash](const auto&) { return hash; });
  }
  // The services that this agent names as touched by any commit; else it does not know.
  void SetTouched(const std::string& address, const std::vector<std::string>& services) {
    MutexLock lock(mutex_);
    touched_[address].mutable_services()->Assign(services.begin(), services.end());
  }
  // "ADDRESS SERVICE REVISION", in the order of the calls.
  std::vector<std::string> asked() {
    MutexLock lock(mutex_);
    return asked_;
  }

  absl::StatusOr<v1::ResolveRevisionResponse> ResolveRevision(
      const AgentAddress& address, const v1::ResolveRevisionRequest& request,
      const GiveUp&) override {
    MutexLock lock(mutex_);
    asked_.push_back(
        absl::StrCat(address.address, " ", request.service(), " ", request.revision()));
    const auto found = answers_.find(address);
    if (found == answers_.end())
      return absl::UnavailableError(address.address + " does not answer");
    const absl::StatusOr<std::string> hash = found->second(request);
    if (!hash.ok()) return hash.status();
    v1::ResolveRevisionResponse response;
    response.set_hash(*hash);
    response.mutable_commit()->set_hash(*hash);
    response.mutable_commit()->set_subject("Subject");
    const auto touched = touched_.find(address);
    if (touched != touched_.end()) *response.mutable_touched_services() = touched->second;
    return response;
  }

 private:
  Mutex mutex_;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::ServiceNames> touched_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
};

class PlanTestBase : public testing::Test {
 protected:
  explicit PlanTestBase(bool dispatcher = true) : hooks_(dispatcher) {}

  static v1::DeploymentSpec Spec(const std::vector<std::string>& actions) {
    v1::DeploymentSpec spec;
    spec.mutable_actions()->Assign(actions.begin(), actions.end());
    return spec;
  }

  absl::StatusOr<v1::Plan> Make(const v1::DeploymentSpec& spec, bool changes = false) {
    return maker_.Make(spec, changes, {.calls = &calls_});
  }
  absl::StatusOr<v1::Plan> Confirm(const v1::Plan& shown) {
    return maker_.Confirm(shown, {.deployment = "D1", .calls = &calls_});
  }

  // "web1 [sync reboot] 1", in order.
  static std::vector<std::string> Lines(const absl::StatusOr<v1::Plan>& plan) {
    if (!plan.ok()) return {plan.status().ToString()};
    std::vector<std::string> lines;
    for (const v1::PlannedHost& host : plan->hosts()) {
      lines.push_back(
          absl::StrCat(host.host(), " [", absl::StrJoin(host.actions(), " "), "] ", host.wave()));
    }
    return lines;
  }
  // "web1 nginx FROM TO".
  static std::vector<std::string> Moves(const v1::Plan& plan) {
    std::vector<std::string> lines;
    for (const v1::PlannedHost& host : plan.hosts()) {
      for (const v1::ServiceMove& move : host.moves()) {
        lines.push_back(absl::StrCat(host.host(), " ", move.service(), " ", move.from_hash(), " ",
                                     move.to_hash()));
      }
    }
    return lines;
  }
  // "UPSTREAM BRANCH HASH".
  static std::vector<std::string> Revisions(const v1::Plan& plan) {
    std::vector<std::string> lines;
    for (const v1::UpstreamRevision& revision : plan.revisions()) {
      lines.push_back(
          absl::StrCat(revision.upstream(), " ", revision.branch(), " ", revision.hash()));
    }
    return lines;
  }

  static v1::ListHooksResponse OneHook(v1::HookMode mode, const std::string& point) {
    v1::ListHooksResponse hooks;
    v1::Hook* hook = hooks.add_hooks();
    hook->set_name("drain");
    hook->set_mode(mode);
    hook->add_points(point);
    return hooks;
  }

  FakeClock clock_;
  FakeFleet fleet_;
  FakeHookCaller hooks_;
  FakeResolvers agents_;
  std::vector<v1::HookCall> calls_;
  const PlanMaker maker_{
      {.fleet = &fleet_, .hooks = &hooks_, .agents = &agents_, .clock = &clock_}};
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_PLAN_PLAN_TEST_BASE_H_
