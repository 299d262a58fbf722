#include "ctl/output/deployment_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::WatchDeploymentResponse Of(const v1::HostDeployment& host, bool initial_done = false) {
  v1::WatchDeploymentResponse update;
  *update.mutable_host() = host;
  update.set_initial_done(initial_done);
  return update;
}

v1::WatchDeploymentResponse Of(const v1::Deployment& deployment) {
  v1::WatchDeploymentResponse update;
  *update.mutable_deployment() = deployment;
  return update;
}

v1::HostDeployment Host(const std::string& name, int wave, v1::HostDeploymentState state) {
  v1::HostDeployment host;
  host.set_host(name);
  host.set_wave(wave);
  host.set_state(state);
  return host;
}

void AddCall(v1::StepRecord& step, const std::string& point, const std::string& error = "") {
  v1::HookCall* call = step.add_hook_calls();
  call->set_hook("drain");
  call->set_point(point);
  call->mutable_duration()->set_nanos(12'345'678);
  call->set_error(error);
}

TEST(DeploymentLinesTest, EachThingIsToldOnceAndInOrder) {
  DeploymentLines lines;
  v1::HostDeployment host = Host("web1", 1, v1::HOST_DEPLOYMENT_STATE_RUNNING);
  EXPECT_THAT(lines.Update(Of(host, true)), IsEmpty());
  v1::StepRecord& step = *host.add_steps();
  step.set_number(1);
  step.set_kind(v1::STEP_KIND_DEPLOY);
  AddCall(step, "pre-deploy");
  EXPECT_THAT(lines.Update(Of(host)), ElementsAre("web1: pre-deploy: drain answered in 12 ms"));
  v1::ActionRecord& action = *step.add_actions();
  action.set_action("sync");
  EXPECT_THAT(lines.Update(Of(host)), ElementsAre("web1: sync"));
  EXPECT_THAT(lines.Update(Of(host)), IsEmpty());
  action.mutable_end_time()->set_seconds(1);
  action.set_result(v1::STEP_RESULT_OK);
  AddCall(step, "post-deploy");
  step.mutable_end_time()->set_seconds(1);
  step.set_result(v1::STEP_RESULT_OK);
  EXPECT_THAT(lines.Update(Of(host)),
              ElementsAre("web1: sync done", "web1: post-deploy: drain answered in 12 ms"));
  host.set_state(v1::HOST_DEPLOYMENT_STATE_SUCCEEDED);
  EXPECT_THAT(lines.Update(Of(host)), ElementsAre("web1: SUCCEEDED", "wave 1: done (1 of 1 host)"));
  // A watch that began anew.
  EXPECT_THAT(lines.Update(Of(host, true)), IsEmpty());
}

TEST(DeploymentLinesTest, WhatCameTogetherIsToldInTheOrderItHappened) {
  DeploymentLines lines;
  v1::HostDeployment host = Host("web1", 1, v1::HOST_DEPLOYMENT_STATE_FAILED);
  host.set_message("sync failed");
  v1::StepRecord& step = *host.add_steps();
  step.set_number(1);
  step.set_kind(v1::STEP_KIND_DEPLOY);
  AddCall(step, "pre-deploy");
  AddCall(step, "post-deploy", "status 500");
  v1::ActionRecord& action = *step.add_actions();
  action.set_action("sync");
  action.mutable_end_time()->set_seconds(1);
  action.set_result(v1::STEP_RESULT_FAILED);
  action.set_message("sync: no such\n commit");
  step.mutable_end_time()->set_seconds(1);
  step.set_result(v1::STEP_RESULT_FAILED);
  EXPECT_THAT(lines.Update(Of(host, true)),
              ElementsAre("web1: pre-deploy: drain answered in 12 ms",
                          "web1: sync failed: no such\\n commit",
                          "web1: post-deploy: drain failed: status 500", "web1: deploy failed",
                          "web1: FAILED: sync failed", "wave 1: done (1 of 1 host)"));
}

TEST(DeploymentLinesTest, WaveIsDoneWhenAllItsHostsAre) {
  DeploymentLines lines;
  EXPECT_THAT(lines.Update(Of(Host("web1", 1, v1::HOST_DEPLOYMENT_STATE_SKIPPED))),
              ElementsAre("web1: SKIPPED"))
      << "the wave's other hosts are not known yet";
  EXPECT_THAT(lines.Update(Of(Host("web2", 1, v1::HOST_DEPLOYMENT_STATE_PENDING))), IsEmpty());
  EXPECT_THAT(lines.Update(Of(Host("web3", 2, v1::HOST_DEPLOYMENT_STATE_PENDING), true)),
              IsEmpty());
  EXPECT_THAT(lines.Update(Of(Host("web2", 1, v1::HOST_DEPLOYMENT_STATE_FAILED))),
              ElementsAre("web2: FAILED", "wave 1: done (2 of 3 hosts)"));
  EXPECT_THAT(lines.Update(Of(Host("web3", 2, v1::HOST_DEPLOYMENT_STATE_UNREACHABLE))),
              ElementsAre("web3: UNREACHABLE", "wave 2: done (3 of 3 hosts)"));
}

TEST(DeploymentLinesTest, DeploymentTellsItsStateAndEvents) {
  DeploymentLines lines;
  v1::Deployment deployment;
  deployment.set_id("d1");
  deployment.set_state(v1::DEPLOYMENT_STATE_PENDING);
  deployment.add_events()->set_message("waits for the lock of web1");
  EXPECT_THAT(lines.Update(Of(deployment)),
              ElementsAre("waits for the lock of web1", "deployment d1: PENDING"));
  deployment.set_state(v1::DEPLOYMENT_STATE_FAILED);
  deployment.set_message("2 hosts failed");
  EXPECT_THAT(lines.Update(Of(deployment)), ElementsAre("deployment d1: FAILED: 2 hosts failed"));
  deployment.set_failed_count(2);
  EXPECT_THAT(lines.Update(Of(deployment)), IsEmpty());
}

}  // namespace
}  // namespace gitops::ctl
