#include "common/store/stored_state.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/clock/fake_clock.h"
#include "gitops/record/v1/deployment.pb.h"
#include "gitops/record/v1/fleet.pb.h"
#include "gitops/record/v1/lock.pb.h"
#include "gitops/record/v1/plan.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/planner/fleet/fleet.h"
#include "services/planner/lock/host_locks.h"
#include "services/planner/record/record_testing.h"

// What the planner of commit 6f24627 stored is read by this one.
namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr char kFile[] = "integration_tests/stored_state/6f24627/planner.db";
// A moment after it was written: the locks have not ended.
const absl::Time kWritten =
    absl::FromCivil(absl::CivilSecond(2026, 11, 29, 15, 22, 10), absl::UTCTimeZone());

class StoredPlannerState : public ::testing::Test {
 protected:
  // By state; the last of each.
  std::map<v1::DeploymentState, v1::Deployment> Deployments() {
    std::map<v1::DeploymentState, v1::Deployment> by_state;
    const std::vector<v1::Deployment> all = *records_.List();
    for (auto deployment = all.rbegin(); deployment != all.rend(); ++deployment) {
      by_state[deployment->state()] = *records_.Whole(deployment->id());
    }
    return by_state;
  }

  FakeClock clock_{kWritten};
  StoredState state_{kFile, &clock_};
  TestRecords records_{state_.store(), &clock_};
};

TEST_F(StoredPlannerState, EveryRecordIsReadWholeAndWrittenAsItWas) {
  const record::v1::DeploymentEntry deployment;
  const record::v1::HostEntry host;
  const record::v1::StepRecord step;
  const record::v1::HookCall call;
  const record::v1::Plan plan;
  const record::v1::HostLock lock;
  const record::v1::DeploymentEvent word;
  const record::v1::SeenHost seen;
  EXPECT_EQ(state_.Faults("planner/", {{"planner/v1/deployment/", &deployment},
                                       {"planner/v1/host/", &host},
                                       {"planner/v1/step/", &step},
                                       {"planner/v1/call/", &call},
                                       {"planner/v1/plan/", &plan},
                                       {"planner/v1/lock/", &lock},
                                       {"planner/v1/lockbroken/", &word},
                                       {"planner/v1/seen/", &seen},
                                       {"planner/v1/fencing", nullptr}}),
            "");
}

TEST_F(StoredPlannerState, DeploymentsOfEveryEndAreShownWithTheirHostsStepsAndCalls) {
  std::map<v1::DeploymentState, v1::Deployment> by_state = Deployments();
  EXPECT_EQ(by_state.size(), 5u);
  const v1::Deployment& interrupted = by_state.at(v1::DEPLOYMENT_STATE_INTERRUPTED);
  EXPECT_THAT(interrupted.message(), HasSubstr("lease"));
  EXPECT_EQ(by_state.at(v1::DEPLOYMENT_STATE_CANCELLED).hosts(1).state(),
            v1::HOST_DEPLOYMENT_STATE_PENDING);

  const v1::Deployment& failed = by_state.at(v1::DEPLOYMENT_STATE_FAILED);
  EXPECT_THAT(failed.actor(), HasSubstr("not authenticated"));
  EXPECT_FALSE(failed.has_principal()) << "only the text was stored";
  ASSERT_EQ(failed.hosts_size(), 3);
  EXPECT_EQ(failed.spec().rollout().on_failure(), v1::Rollout::ON_FAILURE_ROLLBACK);
  EXPECT_EQ(failed.hosts(0).state(), v1::HOST_DEPLOYMENT_STATE_ROLLED_BACK);
  ASSERT_EQ(failed.hosts(0).moves_size(), 2);
  EXPECT_EQ(failed.hosts(0).moves(0).from_hash(), failed.hosts(0).moves(1).to_hash());
  const v1::StepRecord& step = failed.hosts(1).steps(0);
  EXPECT_EQ(step.actions(0).action(), "sync");
  EXPECT_THAT(step.hook_calls(1).response(), HasSubstr("drain failed"));
  EXPECT_EQ(step.hook_calls(1).http_status(), 500);
  ASSERT_EQ(failed.hook_calls_size(), 1);
  EXPECT_EQ(failed.hook_calls(0).point(), "pre-select");
}

TEST_F(StoredPlannerState, TheUnfinishedDeploymentGoesOnFromWhereItWas) {
  const std::vector<DeploymentRecord> unfinished = *records_.Unfinished();
  ASSERT_EQ(unfinished.size(), 1u);
  const std::string& id = unfinished[0].deployment.id();
  EXPECT_EQ(unfinished[0].deployment.state(), v1::DEPLOYMENT_STATE_RUNNING);
  const std::vector<HostRecord> hosts = *records_.LoadHosts(id);
  ASSERT_EQ(hosts.size(), 2u);
  EXPECT_THAT(hosts[0].progress.remaining(), ElementsAre("run-secret-triggers", "sync"));
  EXPECT_EQ(hosts[0].progress.steps(), 1);
  EXPECT_EQ(records_.LoadStep(id, 0, 1)->hook_calls(0).point(), "pre-deploy");

  // web1 is still its own, and that web2 was taken from it is still known.
  HostLocks locks(
      {.store = state_.store(), .clock = &clock_, .planner = unfinished[0].deployment.planner()});
  const v1::HostLock before = *locks.Get("web1");
  EXPECT_EQ(before.deployment(), id);
  EXPECT_THAT(before.actor(), HasSubstr("not authenticated"));
  EXPECT_FALSE(before.has_principal());
  const auto held = locks.Acquire({.deployment = id, .hosts = {"web1", "web2"}, .no_wait = true});
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_GT(*(*held)->Check("web1"), before.fencing());
  EXPECT_THAT(std::string((*held)->Check("web2").status().message()), HasSubstr("maintenance"));
}

TEST_F(StoredPlannerState, AnUnusedPlanIsStillGood) {
  std::vector<StoredValue> plans = *state_.store()->List("planner/v1/plan/");
  ASSERT_EQ(plans.size(), 1u);
  const v1::Plan plan =
      *records_.LoadPlan(plans[0].key.substr(std::string("planner/v1/plan/").size()));
  EXPECT_EQ(plan.spec().rollout().max_failures(), "1");
  EXPECT_EQ(plan.hosts_size(), 3);
  EXPECT_EQ(plan.hosts(2).frozen_services(0), "app");
  EXPECT_EQ(plan.hooks(0).name(), "trace");
}

TEST_F(StoredPlannerState, WhatHostsLastReportedIsKnown) {
  const std::unique_ptr<Fleet> fleet = NewFleet({.clock = &clock_, .store = state_.store()});
  EXPECT_EQ(fleet->Hosts().size(), 3u);
  std::set<std::string> states;
  for (const v1::Service& service : fleet->Services("web1")) {
    states.insert(v1::ServiceState_Name(service.state()));
  }
  EXPECT_THAT(states, UnorderedElementsAre("SERVICE_STATE_OK", "SERVICE_STATE_FREEZE",
                                           "SERVICE_STATE_BROKEN", "SERVICE_STATE_DIFF"));
}

}  // namespace
}  // namespace gitops
